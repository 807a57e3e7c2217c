package config

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/notes"
	"istio-conformance/internal/report/wording"
)

// refusals compares which objects are refused.
func (r *Rehearsal) refusals(before, after *answers) {
	for _, name := range slices.Sorted(maps.Keys(after.refused)) {
		f := finding.Finding{Level: finding.Breaks, Rule: "refused", Object: name, Why: fmt.Sprintf("at %s it is refused by %s", r.To.Version, after.refused[name])}
		if before.refused[name] != "" {
			f.Level, f.Why = finding.Look, fmt.Sprintf("it is refused at both versions, and so was not rehearsed where the API server refuses it: %s", after.refused[name])
		}
		r.add(f, r.To.Mesh)
	}
}

// add fills in where the object is written.
func (r *Rehearsal) add(f finding.Finding, in *capture.Mesh) {
	for _, o := range in.Objects {
		if o.String() == f.Object {
			f.File, f.Line, f.Origin = o.File, o.Line, o.Origin()
			break
		}
	}
	r.report.Findings = append(r.report.Findings, f)
}

// group is differences that are alike, in many resources of many proxies.
type group struct {
	difference
	kind      string
	resources []string
	objects   []string
	proxies   map[string]bool
}

// ownService is that of the API server, whose port differs where there are two.
const ownService = "||kubernetes.default.svc.cluster.local"

// inBrackets matches names and indices in a path.
var inBrackets = regexp.MustCompile(`\[[^\]]*\]`)

// compare compares what each proxy is sent.
func (r *Rehearsal) compare(before, after *answers) {
	r.changed = capture.Changed(r.From.Mesh, r.To.Mesh)
	groups, compared := map[string]*group{}, map[string][]difference{}
	for _, proxy := range slices.Sorted(maps.Keys(union2(before.sent, after.sent))) {
		a, b := before.sent[proxy], after.sent[proxy]
		switch {
		case a == nil:
			r.add(finding.Finding{Level: finding.Look, Rule: "proxy", Object: proxy, Why: "only the newer mesh has it"}, r.To.Mesh)
			continue
		case b == nil:
			r.add(finding.Finding{Level: finding.Look, Rule: "proxy", Object: proxy, Why: "only the older mesh has it"}, r.From.Mesh)
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(union2(a, b))) {
			if strings.Contains(key, ownService) {
				continue
			}
			for _, d := range compareResource(a[key], b[key], compared) {
				d.object = r.objectOf(cmp.Or(routeOf(d), d.object, r.gatewaysOf(key)), proxy)
				collect(groups, key, proxy, d)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		r.addGroup(groups[id])
	}
}

// collect puts a difference to those that are like it.
func collect(groups map[string]*group, key, proxy string, d difference) {
	kind, name, _ := strings.Cut(key, " ")
	id := strings.Join([]string{kind, inBrackets.ReplaceAllString(d.path, "[*]"), shown(d.before), shown(d.after)}, "\x00")
	if d.path == "" {
		id += key // a whole resource is like no other
	}
	g := groups[id]
	if g == nil {
		g = &group{difference: d, kind: kind, proxies: map[string]bool{}}
		groups[id] = g
	}
	if !slices.Contains(g.resources, name) {
		g.resources = append(g.resources, name)
	}
	if d.object != "" && !slices.Contains(g.objects, d.object) {
		g.objects = append(g.objects, d.object)
	}
	g.proxies[proxy] = true
}

// compareResource compares two resources; the result of a pair is kept.
func compareResource(a, b *resource, compared map[string][]difference) []difference {
	switch {
	case a == b || a != nil && b != nil && a.hash == b.hash:
		return nil
	case a == nil:
		return []difference{{"", nil, b.body, cmp.Or(within(b.body), served(b.body))}}
	case b == nil:
		return []difference{{"", a.body, nil, cmp.Or(within(a.body), served(a.body))}}
	}
	id := string(a.hash[:]) + string(b.hash[:])
	if found, ok := compared[id]; ok {
		return found
	}
	found := []difference{}
	diff(a.body, b.body, "", "", func(d difference) {
		d.object = cmp.Or(d.object, served(b.body), served(a.body))
		found = append(found, d)
	})
	compared[id] = found
	return found
}

func union2[V, W any](a map[string]V, b map[string]W) map[string]bool {
	keys := map[string]bool{}
	for key := range a {
		keys[key] = true
	}
	for key := range b {
		keys[key] = true
	}
	return keys
}

// addGroup says one kind of difference.
func (r *Rehearsal) addGroup(g *group) {
	proxies := slices.Sorted(maps.Keys(g.proxies))
	where := proxies[0]
	if len(proxies) > 1 {
		where = fmt.Sprintf("%s and %d more", where, len(proxies)-1)
	}
	what := fmt.Sprintf("%s %s", g.kind, g.resources[0])
	if len(g.resources) > 1 {
		what = fmt.Sprintf("%s, such as %s", wording.Plural(len(g.resources), g.kind), g.resources[0])
		if g.kind == "endpoints" {
			what = fmt.Sprintf("endpoints of %d clusters, such as %s", len(g.resources), g.resources[0])
		}
	}
	how := "is sent otherwise"
	switch {
	case g.path == "" && g.before == nil:
		how = "is new"
	case g.path == "" && g.after == nil:
		how = "is not sent any more"
	}
	f := finding.Finding{
		Level: finding.Breaks, Rule: g.kind, Field: g.path, Why: fmt.Sprintf("%s %s (%s)", what, how, where), Before: shown(g.before), After: shown(g.after), Explained: "unexplained",
	}
	if len(g.objects) > 0 {
		f.Object = g.objects[0]
	}
	if len(g.objects) > 1 {
		f.Why += fmt.Sprintf("; so it is for %d more objects, such as %s", len(g.objects)-1, g.objects[1])
	}
	if n := notes.Explain(r.notes, fmt.Sprintf("%s: %s %s: %s", proxies[0], g.kind, g.resources[0], g.path)); n != nil {
		f.Explained, f.Link = n.Sentence(), n.Link
	}
	r.add(f, r.To.Mesh)
}

// objectOf is the captured object behind a difference: the one that the configuration
// names, or that the cluster is for. Where two captures are compared it is one that
// differs between them.
func (r *Rehearsal) objectOf(said, proxy string) string {
	named := r.find(said)
	if len(r.changed) == 0 || named != nil && slices.ContainsFunc(r.changed, func(o *capture.Object) bool { return o.String() == named.String() }) {
		if named != nil {
			return named.String()
		}
		return said
	}
	candidates := r.changed
	if len(candidates) > 1 {
		// Configuration works in its own namespace, or everywhere from the root's.
		_, where, _ := strings.Cut(proxy, " ")
		namespace, _, _ := strings.Cut(where, "/")
		near := slices.DeleteFunc(slices.Clone(candidates), func(o *capture.Object) bool { return o.Namespace() != namespace && o.Namespace() != "istio-system" })
		if len(near) > 0 {
			candidates = near
		}
	}
	var all []string
	for _, o := range candidates {
		all = append(all, o.String())
	}
	return strings.Join(all, " or ")
}

// routeName is how istiod names a route that comes from the Gateway API:
// namespace.name.rule.
var routeName = regexp.MustCompile(`(?:routes\[|"name":")([a-z0-9-]+)\.([a-z0-9.-]+)\.\d+[\]"]`)

// routeOf is the route of the Gateway API that a difference is about: istiod says only
// that it made a VirtualService of it. Empty for other differences.
func routeOf(d difference) string {
	if !strings.Contains(d.object, "istio-autogenerated") {
		return ""
	}
	for _, text := range []string{d.path, all(d.after), all(d.before)} {
		if found := routeName.FindStringSubmatch(text); found != nil {
			return "route " + found[1] + "/" + found[2]
		}
	}
	return ""
}

// listenerPort is the port in a listener's or a route's name.
var listenerPort = regexp.MustCompile(`^(?:listener .*_|route https?\.)(\d+)`)

// gatewaysOf are the Gateways with a server at a listener's port; empty for others.
func (r *Rehearsal) gatewaysOf(key string) string {
	port := listenerPort.FindStringSubmatch(key)
	if port == nil {
		return ""
	}
	var found []string
	for _, o := range r.To.Mesh.Of("Gateway") {
		if strings.Contains(all(o.Fields("spec", "servers")), `"number":`+port[1]+",") {
			found = append(found, o.String())
		}
	}
	return strings.Join(found, " or ")
}

// find is the captured object that configuration calls "virtual-service shop/web"; nil
// where there is none.
func (r *Rehearsal) find(said string) *capture.Object {
	kind, name, _ := strings.Cut(said, " ")
	kind = strings.ReplaceAll(kind, "-", "")
	namespace, host, _ := strings.Cut(name, "/")
	for _, m := range []*capture.Mesh{r.To.Mesh, r.From.Mesh} {
		for _, o := range m.Objects {
			switch {
			case o.Namespace() != namespace:
			case strings.EqualFold(o.Kind(), kind) && o.Name() == host, kind == "route" && strings.HasSuffix(o.Kind(), "Route") && o.Name() == host, o.Kind() == "ServiceEntry" && kind == "service" && has(o.Fields("spec", "hosts"), host):
				return o
			}
		}
	}
	return nil
}

func has(list any, wanted string) bool {
	items, _ := list.([]any)
	return slices.Contains(items, any(wanted))
}
