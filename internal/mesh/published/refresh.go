package published

import (
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/istio"
)

// Facts are what is published, to be written into the table of versions.
type Facts struct {
	// Istio are the releases and pre-releases in Charts, the newest first.
	Istio  []istio.Version
	Charts string
	// Supports are the rows of Istio's table of supported releases, at SupportFrom.
	Supports    []Support
	SupportFrom string
	// Kind is the release of kind in go.mod, and Nodes its node images.
	Kind  string
	Nodes []istio.Node
	// CRDs sums up the CRDs of a release's chart base.
	CRDs func(version istio.Version) (istio.CRDRow, error)
}

// Refresh returns the text of fixtures/versions.yaml with what is published in it. Its
// comments stay. What it would make no table of is an error.
func Refresh(text []byte, f Facts) ([]byte, error) {
	table, err := istio.Parse(text)
	if err != nil {
		return nil, err
	}
	d := &document{strings.Split(string(text), "\n")}
	if err := f.kind(d, table); err != nil {
		return nil, err
	}
	if err := f.addMinors(d, table); err != nil {
		return nil, err
	}
	for i := range f.Istio {
		if err := f.refreshMinor(d, f.Istio[i].MinorOf()); err != nil {
			return nil, err
		}
	}
	if _, err := istio.Parse(d.bytes()); err != nil {
		return nil, fmt.Errorf("what would be written is no table: %w", err)
	}
	return d.bytes(), nil
}

// refreshMinor changes what differs in a minor's row; the rows are read again after
// each change, whose lines may have moved others.
func (f *Facts) refreshMinor(d *document, minor istio.Version) error {
	for {
		rows, err := d.rows("istio")
		if err != nil {
			return err
		}
		i := slices.IndexFunc(rows, func(r row) bool { return r.value("minor") == minor.String() })
		if i < 0 || !f.change(d, &rows[i], minor) {
			return nil
		}
	}
}

// change makes one change in a row, and says whether there was one.
func (f *Facts) change(d *document, r *row, minor istio.Version) bool {
	if newest := f.newest(minor); newest != nil && d.set(r, "newest", quoted(newest.String()), "minor") {
		return true
	}
	i := slices.IndexFunc(f.Supports, func(s Support) bool { return s.Minor == minor })
	if i < 0 {
		return false
	}
	s := f.Supports[i]
	ended := ""
	if !s.Supported {
		ended = "true"
	}
	// The source goes first: it says where a row was read that is about to change.
	supported := flow(s.Kubernetes)
	if supported != "" && (!d.has(r, "kubernetes", supported) || !d.has(r, "tested", flow(s.Tested))) &&
		d.set(r, "source", f.SupportFrom+", row "+minor.String(), "crds") {
		return true
	}
	for _, one := range []struct{ key, text, after string }{
		{"kubernetes", supported, "newest"}, {"tested", flow(s.Tested), "kubernetes"},
		{"released", date(s.Released, r.value("released")), "newest"}, {"endOfLife", date(s.EndOfLife, r.value("endOfLife")), "released"},
		{"ended", ended, "endOfLife"},
	} {
		if one.key == "kubernetes" && one.text == "" {
			continue // a row that says nothing takes nothing away
		}
		if d.set(r, one.key, one.text, one.after) {
			return true
		}
	}
	return false
}

// has says whether a key has a flow mapping already.
func (d *document) has(r *row, name, text string) bool {
	for _, k := range r.keys {
		if k.name == name {
			line := d.lines[k.at]
			return text != "" && strings.HasPrefix(line, r.indent+name+": "+text)
		}
	}
	return text == ""
}

// newest is the newest release of a minor.
func (f *Facts) newest(minor istio.Version) *istio.Version {
	for i := range f.Istio {
		if v := &f.Istio[i]; v.Pre == "" && v.SameMinor(minor) {
			return v
		}
	}
	return nil
}

// addMinors adds a row for each minor that has a release and is newer than all.
func (f *Facts) addMinors(d *document, table *istio.Table) error {
	var fresh []string
	for i := range f.Istio {
		v := f.Istio[i]
		if v.Pre != "" || len(table.Istio) > 0 && istio.Compare(v.MinorOf(), table.Istio[0].Version) <= 0 || *f.newest(v.MinorOf()) != v {
			continue
		}
		crds, err := f.CRDs(v)
		if err != nil {
			return err
		}
		fresh = append(
			fresh, fmt.Sprintf("  - minor: %s", quoted(v.MinorOf().String())), "    newest: "+quoted(v.String()), "    released: \"unknown\"", "    endOfLife: \"unknown\"",
			fmt.Sprintf("    crds: {count: %d, versions: %d, storeV1: %d, in: %s}", crds.Count, crds.Versions, crds.StoreV1, crds.In), "    source: "+f.Charts,
		)
	}
	start := slices.Index(d.lines, "istio:")
	if start < 0 {
		return fmt.Errorf("it has no line %q", "istio:")
	}
	d.lines = slices.Insert(d.lines, start+1, fresh...)
	return nil
}

// kind writes the release of kind and its node images.
func (f *Facts) kind(d *document, table *istio.Table) error {
	for i, line := range d.lines {
		if strings.HasPrefix(line, "kind: ") {
			d.lines[i] = "kind: " + f.Kind
		}
	}
	nodes := slices.Clone(f.Nodes)
	for _, n := range table.Kubernetes {
		i := slices.IndexFunc(nodes, func(other istio.Node) bool { return other.Version == n.Version })
		switch {
		case i < 0 && n.Modules:
			n.Image = ""
			nodes = append(nodes, n)
		case i >= 0 && n.Modules:
			nodes[i].Modules = true
			nodes[i].Source += "; " + strings.TrimSuffix(n.Source, "; "+nodes[i].Source)
		}
	}
	slices.SortFunc(nodes, func(a, b istio.Node) int { return istio.Compare(b.Version, a.Version) })
	var lines []string
	for _, n := range nodes {
		lines = append(lines, "  - version: v"+n.Version.String())
		if n.Image != "" {
			lines = append(lines, "    image: "+n.Image)
		}
		if n.Modules {
			lines = append(lines, "    modules: true")
		}
		lines = append(lines, "    source: "+n.Source)
	}
	return d.replaceSection("kubernetes", lines)
}

func quoted(text string) string { return `"` + text + `"` }

// flow is a range as the table writes it; empty for none.
func flow(r istio.Range) string {
	if !r.Known() {
		return ""
	}
	return fmt.Sprintf(`{first: "%s", last: "%s"}`, r.First, r.Last)
}
