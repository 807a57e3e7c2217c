package diagnose

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Bounds of what is kept of one symptom.
const (
	instanceLimit = 20
	quoteLimit    = 3
	quoteLength   = 400
)

// Finding is a symptom that was found, once or several times.
type Finding struct {
	Symptom Symptom
	// Rank is 1 for what explains best; findings of the same rank compete.
	Rank int
	// Follows names the finding that explains this one; empty for a cause.
	Follows string
	// Specificity is how many conditions had to hold.
	Specificity int
	// Instances are where it was found.
	Instances []Instance
}

// Instance is one place in which a symptom was found.
type Instance struct {
	Records []Record
}

// field returns what the records say of "field" or "source.field".
func (i Instance) field(name string) (string, bool) {
	source, field, qualified := strings.Cut(name, ".")
	if !qualified {
		source, field = "", name
	}
	for _, r := range i.Records {
		if value, ok := r.Fields[field]; ok && (source == "" || source == r.Source) {
			return value, true
		}
	}
	return "", false
}

// fill replaces the placeholders of a text by what the records say.
func (i Instance) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		value, given := i.field(strings.Trim(found, "{}"))
		if found == "{part}" && given && value == "" {
			return "" // of the whole object
		}
		return cmp.Or(shorten(strings.Join(strings.Fields(value), " ")), "unknown")
	})
}

// Objects are the names of what the instance is about.
func (i Instance) Objects() []string {
	seen := map[string]bool{}
	for _, r := range i.Records {
		for _, field := range []string{"pod", "object", "service", "gateway", "virtualservice", "rule", "release", "node", "config"} {
			if value := r.Fields[field]; value != "" {
				seen[value] = true
			}
		}
		if r.Source == "namespace" {
			seen[r.Fields["ns"]] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// about reports whether the instance is about what a failure names: one of its objects,
// and where it is about requests for a host, that host.
func (i Instance) about(names func(string) bool) bool {
	for _, r := range i.Records {
		if host, _, _ := strings.Cut(r.Fields["host"], ":"); r.Source == "access" && host != "" && !names(host) {
			return false
		}
	}
	return slices.ContainsFunc(i.Objects(), func(object string) bool { return names(object[strings.LastIndex(object, "/")+1:]) })
}

// Find looks for all symptoms and ranks what it found: what is explained by
// another finding comes after all causes, faults come before notices, and the more
// specific before the less specific.
func (c *Catalogue) Find(o *Observations) []Finding {
	found := map[string]*Finding{}
	for i := range c.symptoms {
		s := &c.symptoms[i]
		if instances := c.instances(s, o); len(instances) > 0 {
			found[s.Name] = &Finding{Symptom: *s, Instances: instances, Specificity: c.specificity(s)}
		}
	}
	for _, finding := range found {
		for _, name := range finding.Symptom.Explains {
			if other := found[name]; other != nil && other.Follows == "" && explains(finding, other) {
				other.Follows = finding.Symptom.Name
			}
		}
	}
	for _, finding := range found {
		finding.followAny(found)
	}
	list := make([]Finding, 0, len(found))
	for _, finding := range found {
		list = append(list, *finding)
	}
	slices.SortFunc(list, func(a, b Finding) int {
		return cmp.Or(compareRank(a, b), strings.Compare(a.Symptom.Name, b.Symptom.Name))
	})
	for i := range list {
		list[i].Rank = 1
		if i > 0 {
			list[i].Rank = list[i-1].Rank
			if compareRank(list[i-1], list[i]) != 0 {
				list[i].Rank++
			}
		}
	}
	return list
}

// followAny lets an effect follow from the fault that explains best, of those that
// are no effects themselves.
func (f *Finding) followAny(found map[string]*Finding) {
	if !f.Symptom.Effect || f.Follows != "" {
		return
	}
	var root *Finding
	for _, name := range slices.Sorted(maps.Keys(found)) {
		other := found[name]
		if other.Symptom.Effect || other.Symptom.Severity != Fault || other.Follows != "" {
			continue
		}
		if root == nil || compareRank(*other, *root) < 0 {
			root = other
		}
	}
	if root != nil {
		f.Follows = root.Symptom.Name
	}
}

func compareRank(a, b Finding) int {
	second := func(f Finding) int {
		n := 0
		if f.Follows != "" {
			n = 2
		}
		if f.Symptom.Severity == Notice {
			n++
		}
		return n
	}
	return cmp.Or(second(a)-second(b), b.Specificity-a.Specificity)
}

// specificity counts the conditions of a symptom.
func (c *Catalogue) specificity(s *Symptom) int {
	n := 0
	for _, clause := range c.match[s.Name] {
		n += 1 + len(clause.patterns)
	}
	return n + len(c.none[s.Name])
}

// explains says whether all of what the other finding is about may follow from
// this one: anything may from a symptom of the mesh, else only what is about the
// same objects, or lies in a namespace that this one is about.
func explains(f, other *Finding) bool {
	if f.Symptom.Scope == Mesh {
		return true
	}
	mine, namespaces := map[string]bool{}, map[string]bool{}
	for _, i := range f.Instances {
		for _, object := range i.Objects() {
			mine[object] = true
		}
		for _, r := range i.Records {
			if r.Source == "namespace" {
				namespaces[r.Fields["ns"]] = true
			}
		}
	}
	for _, i := range other.Instances {
		same := slices.ContainsFunc(i.Objects(), func(object string) bool { return mine[object] })
		inside := slices.ContainsFunc(i.Records, func(r Record) bool { return namespaces[r.Fields["ns"]] })
		if !same && !inside && !f.routes(i) {
			return false
		}
	}
	return true
}

// routes says whether a finding about a route is about the one of a failed request, by
// the request's host.
func (f *Finding) routes(request Instance) bool {
	for _, r := range request.Records {
		host, _, _ := strings.Cut(r.Fields["host"], ":")
		if r.Source != "access" && r.Source != "miss" || host == "" {
			continue
		}
		for _, i := range f.Instances {
			if slices.ContainsFunc(i.Records, func(mine Record) bool {
				return slices.Contains([]string{"route", "delegate", "routekind", "backend"}, mine.Source) && slices.ContainsFunc(strings.Fields(mine.Fields["hosts"]), func(h string) bool { return overlap(h, host) })
			}) {
				return true
			}
		}
	}
	return false
}

// instances returns where a symptom is found.
func (c *Catalogue) instances(s *Symptom, o *Observations) []Instance {
	candidates := make([][]Record, len(c.match[s.Name]))
	for i, clause := range c.match[s.Name] {
		if candidates[i] = o.find(clause); len(candidates[i]) == 0 {
			return nil
		}
	}
	var found []Instance
	seen := map[string]bool{}
	var choose func(chosen []Record, bound map[string]string)
	choose = func(chosen []Record, bound map[string]string) {
		if len(found) == instanceLimit {
			return
		}
		if len(chosen) == len(candidates) {
			i := Instance{slices.Clone(chosen)}
			if key := strings.Join(i.Objects(), " "); !seen[key] && !c.excluded(s, o, bound) {
				seen[key] = true
				found = append(found, i)
			}
			return
		}
		for _, r := range candidates[len(chosen)] {
			if next, agrees := join(s.Join, bound, r); agrees {
				choose(append(chosen, r), next)
			}
		}
	}
	choose(nil, map[string]string{})
	return found
}

// join adds the record's joined fields to what is bound, unless they disagree.
func join(fields []string, bound map[string]string, r Record) (map[string]string, bool) {
	next := maps.Clone(bound)
	for _, field := range fields {
		value, has := r.Fields[field]
		if !has {
			continue
		}
		if known, set := bound[field]; set && known != value {
			return nil, false
		}
		next[field] = value
	}
	return next, true
}

// excluded says whether a record speaks against the symptom where it is bound.
func (c *Catalogue) excluded(s *Symptom, o *Observations, bound map[string]string) bool {
	for _, clause := range c.none[s.Name] {
		for _, r := range o.find(clause) {
			if _, agrees := join(s.Join, bound, r); agrees {
				return true
			}
		}
	}
	return false
}

// shorten keeps a quotation to what fits in a few lines.
func shorten(s string) string {
	if len(s) <= quoteLength {
		return s
	}
	return strings.ToValidUTF8(s[:quoteLength], "") + " ..."
}
