// Package static says what an upgrade changes for a captured mesh as far as that can be
// read: without a cluster, in seconds.
package static

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/notes"
)

// Step is an upgrade as it is asked about.
type Step struct {
	Mesh     *capture.Mesh
	From, To istio.Version
	// Kubernetes is the cluster's version, "v1.36.3".
	Kubernetes string
	// FromCharts and ToCharts are the packaged charts of both versions, by name.
	FromCharts, ToCharts map[string]string
}

// rehearsal collects findings.
type rehearsal struct {
	Step
	table  *istio.Table
	notes  []notes.Note
	report *finding.Report
}

// Rehearse looks at everything that needs no traffic.
func Rehearse(ctx context.Context, step Step) (*finding.Report, error) {
	table, err := istio.Load()
	if err != nil {
		return nil, err
	}
	r := &rehearsal{Step: step, table: table, report: &finding.Report{
		How: "static", From: step.From.String(), To: step.To.String(), Kubernetes: step.Kubernetes,
	}}
	if r.notes, err = notes.On(step.From, step.To); err != nil {
		return nil, err
	}
	for _, look := range []func(context.Context) error{
		r.judgeStep, r.judgeValues, r.judgeObjects, r.judgeStored, r.judgePlaces, r.judgeBundles, r.judgeProxies, r.judgeNotes, r.judgeMeshConfig,
	} {
		if err := look(ctx); err != nil {
			return nil, err
		}
	}
	r.report.NotLooked = append(r.report.NotLooked,
		"what istiod's webhook refuses beyond the schema, and what the proxies are sent: rehearse --config asks istiod",
		"how requests are answered: no traffic was sent")
	for _, missing := range step.Mesh.Index.Missing {
		r.report.NotLooked = append(r.report.NotLooked, "missing in the capture: "+missing)
	}
	r.report.Sort()
	return r.report, nil
}

func (r *rehearsal) add(f finding.Finding) { r.report.Findings = append(r.report.Findings, f) }

// at fills in where a finding about a field is written.
func at(f finding.Finding, object fmt.Stringer, place capture.Place, path ...string) finding.Finding {
	f.Object, f.File, f.Line, f.Origin = object.String(), place.File, place.LineOf(path...), place.Origin()
	if f.Field == "" {
		f.Field = strings.Join(path, ".")
	}
	return f
}

func (r *rehearsal) looked(format string, args ...any) {
	r.report.Looked = append(r.report.Looked, fmt.Sprintf(format, args...))
}

// judgeStep asks the table of versions.
func (r *rehearsal) judgeStep(context.Context) error {
	move := istio.Move{From: r.From, To: r.To, Method: istio.InPlace}
	if r.Mesh.Index.Kubernetes != "" {
		if v, err := istio.ParseVersion(r.Mesh.Index.Kubernetes); err == nil {
			move.Kubernetes = &v
		}
	}
	ruling := r.table.Judge(move)
	for _, reason := range ruling.Reasons {
		level := map[istio.Standing]finding.Level{istio.Refused: finding.Breaks, istio.Unknown: finding.Look}[reason.Standing]
		if level != "" {
			r.add(finding.Finding{Level: level, Rule: "step", Why: reason.Text, Link: reason.Source})
		}
	}
	for _, b := range ruling.Met {
		level := finding.Note
		if b.Kind != "note" {
			level = finding.Look
		}
		r.add(finding.Finding{Level: level, Rule: "step-" + b.Name, Why: b.Text, Link: b.Source})
	}
	r.looked("the step %s, by the table of versions", move)
	return nil
}

// judgePlaces names images and charts that come from a place that ends, once a place.
func (r *rehearsal) judgePlaces(context.Context) error {
	asked, first, more := 0, map[string]*finding.Finding{}, map[string][]string{}
	ends := func(level finding.Level, object fmt.Stringer, place capture.Place, reference string, path ...string) {
		asked++
		e := r.table.Ends(reference)
		if e == nil {
			return
		}
		key := string(level) + e.Place
		if first[key] != nil {
			more[key] = append(more[key], object.String())
			return
		}
		f := at(finding.Finding{Level: level, Rule: "place-ends", Why: reference + ": " + e.String(), Link: e.Source}, object, place, path...)
		first[key] = &f
	}
	for _, release := range r.Mesh.Releases {
		if hub, ok := dig(release.Values, "global", "hub").(string); ok {
			level := finding.Look
			if e := r.table.Ends(hub); e != nil && r.To.Minor > e.Last.Minor {
				level = finding.Breaks // the new version is not there
			}
			ends(level, release, release.Place, hub, "values", "global", "hub")
		}
	}
	for _, w := range r.Mesh.Workloads {
		for _, image := range w.Images {
			ends(finding.Look, named(w), w.Place, image, "images")
		}
	}
	for _, o := range r.Mesh.Of("WasmPlugin") {
		if url, ok := o.Fields("spec", "url").(string); ok {
			ends(finding.Look, o, o.Place, url, "spec", "url")
		}
	}
	for key, f := range first {
		if others := slices.Compact(more[key]); len(others) > 0 {
			f.Why += fmt.Sprintf("; so do %d more, such as %s", len(others), others[0])
		}
		r.add(*f)
	}
	r.looked("where %d images and hubs come from", asked)
	return nil
}

// name is an object's name that is made up here.
type name string

func (n name) String() string { return string(n) }

func named(w *capture.Workload) name {
	kind, of, _ := strings.Cut(w.Owner, " ")
	return name(kind + " " + w.Namespace + "/" + of)
}

// judgeProxies names the proxies that the new control plane does not fit.
func (r *rehearsal) judgeProxies(context.Context) error {
	asked := 0
	for _, w := range r.Mesh.Workloads {
		tag := w.Proxy[strings.LastIndex(w.Proxy, ":")+1:]
		proxy, err := istio.ParseVersion(strings.TrimSuffix(tag, "-distroless"))
		if err != nil {
			continue // no proxy, or one whose tag is no version
		}
		asked++
		if err := r.table.CheckSkew(r.To, proxy); err != nil {
			r.add(at(finding.Finding{
				Level: finding.Breaks, Rule: "proxy-too-old", Link: r.table.Upgrade.Skew.Source,
				Why: fmt.Sprintf("%s of %d pods: restart them with the control plane of %s first", err, w.Pods, r.From),
			}, named(w), w.Place, "proxy"))
		}
	}
	r.looked("the versions of the proxies of %d shapes of pods", asked)
	return nil
}

// dig returns a value below tables, or nil.
func dig(value any, path ...string) any {
	for _, key := range path {
		table, _ := value.(map[string]any)
		value = table[key]
	}
	return value
}
