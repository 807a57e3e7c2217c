package matrix

import (
	"regexp"
	"slices"

	"istio-conformance/internal/mesh/istio"
)

// newest are the newest releases of each minor that the source has; of what is
// published, of the minors that are supported today.
func (r *Request) newest(table *istio.Table) []istio.Version {
	if r.Latest == nil {
		return newestOfEach(table.IstioIn(r.Source))
	}
	return newestOfEach(slices.DeleteFunc(slices.Clone(r.Latest.Istio), func(v istio.Version) bool {
		return v.Pre != "" || !slices.ContainsFunc(r.Latest.Supported, v.SameMinor)
	}))
}

// nodes are the newest of each minor of Kubernetes that the source has.
func (r *Request) nodes(table *istio.Table) []istio.Version {
	var all []istio.Version
	for _, n := range table.KubernetesIn(r.Source) {
		all = append(all, n.Version)
	}
	if r.Latest != nil {
		for _, n := range r.Latest.Nodes {
			all = append(all, n.Version)
		}
		slices.SortFunc(all, func(a, b istio.Version) int { return istio.Compare(b, a) })
	}
	return newestOfEach(all)
}

// numbered is a pre-release that comes after another: a daily build is named after a
// commit, by which nobody knows which is the newest.
var numbered = regexp.MustCompile(`^(alpha|beta|rc)\.\d+$`)

// preRelease is the newest pre-release of what is published, where it is newer than
// every release, on what the newest release runs on.
func (r *Request) preRelease(table *istio.Table, kubernetes []istio.Version, chosen bool) []Cell {
	if r.Latest == nil || len(r.Istio) > 0 {
		return nil
	}
	i := slices.IndexFunc(r.Latest.Istio, func(v istio.Version) bool { return v.Pre == "" || numbered.MatchString(v.Pre) })
	if i < 0 || r.Latest.Istio[i].Pre == "" {
		return nil
	}
	newest := r.newest(table)
	var cells []Cell
	for _, k := range kubernetes {
		if !chosen && len(newest) > 0 && table.Standing(newest[0], k).Standing != istio.Supported {
			continue
		}
		reason := table.Standing(r.Latest.Istio[i], k)
		cells = append(cells, r.cell(Cell{Pair: istio.Pair{Istio: r.Latest.Istio[i].String(), Kubernetes: "v" + k.String()}, Standing: reason.Standing, Why: reason.Text, Optional: true}))
	}
	return cells
}

// newestOfEach keeps the first version of each minor; they come newest first.
func newestOfEach(all []istio.Version) []istio.Version {
	var found []istio.Version
	for _, v := range all {
		if n := len(found); n == 0 || !found[n-1].SameMinor(v) {
			found = append(found, v)
		}
	}
	return found
}
