package istio

import (
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/images"
)

// Request is a pair of versions as the user asks for it.
type Request struct {
	// Istio and Kubernetes are a minor (1.31, v1.36) or a full version; empty
	// means the default.
	Istio, Kubernetes string
	// Source is images.Release or images.Modules. What an archive holds only the
	// archive knows: its pair goes through Check instead.
	Source string
	// Force allows a pair outside the support table.
	Force bool
}

// Cell is one pair of full versions under test.
type Cell struct {
	// Istio is "1.31.0", Kubernetes "v1.36.3".
	Istio, Kubernetes string
	// NodeImage is the official node image with its digest; empty when the
	// source builds its own.
	NodeImage string
}

// Resolve turns what the user asked for into full versions that the source has:
// of a minor its newest, of nothing the default. Without a wish for Kubernetes
// it takes the default where this Istio supports it, else the newest that it
// does. Every error is one line with status exitcode.Usage.
func (t *Table) Resolve(r Request) (Cell, error) {
	if r.Source != images.Release && r.Source != images.Modules {
		return Cell{}, exitcode.Usagef("IMAGES=%s has no versions of its own; want %s or %s", r.Source, images.Release, images.Modules)
	}
	istio, err := t.resolveIstio(r)
	if err != nil {
		return Cell{}, err
	}
	node, err := t.resolveKubernetes(r, istio)
	if err != nil {
		return Cell{}, err
	}
	cell := Cell{Istio: istio.String(), Kubernetes: "v" + node.Version.String()}
	if r.Source == images.Release {
		cell.NodeImage = node.Image
	}
	return cell, t.Check(cell, r.Force)
}

// Check returns an error with status exitcode.Usage for a pair of full versions
// that is outside the support table, unless it is forced.
func (t *Table) Check(c Cell, force bool) error {
	istio, err := ParseVersion(c.Istio)
	if err != nil {
		return exitcode.Usagef("Istio's version: %w", err)
	}
	kubernetes, err := ParseVersion(c.Kubernetes)
	if err != nil {
		return exitcode.Usagef("Kubernetes' version: %w", err)
	}
	m := t.minor(istio)
	if m == nil {
		return t.unknownIstio(istio)
	}
	if !force && !m.Kubernetes.Contains(kubernetes) {
		return exitcode.Usagef("Istio %s supports Kubernetes %s, not %s (%s); choose another pair, or force this one",
			istio, m.Kubernetes, c.Kubernetes, m.Source)
	}
	return nil
}

func (t *Table) resolveIstio(r Request) (Version, error) {
	asked := t.Default.Istio
	if r.Istio != "" {
		var err error
		if asked, err = ParseVersion(r.Istio); err != nil {
			return Version{}, exitcode.Usagef("Istio's version: %w; known: %s", err, t.knownIstio())
		}
	}
	m := t.minor(asked)
	if m == nil || asked.Patch > m.Newest.Patch {
		return Version{}, t.unknownIstio(asked)
	}
	has := t.IstioIn(r.Source)
	i := slices.IndexFunc(has, func(v Version) bool { return v.matches(asked) })
	if i < 0 {
		return Version{}, exitcode.Usagef("Istio %s is not available with IMAGES=%s, which has %s; choose one of them or another IMAGES",
			asked, r.Source, list("", has))
	}
	return has[i], nil
}

func (t *Table) resolveKubernetes(r Request, istio Version) (Node, error) {
	has := t.KubernetesIn(r.Source)
	if r.Kubernetes == "" {
		return t.defaultKubernetes(r, istio, has)
	}
	all := list("v", versionsOf(t.Kubernetes))
	asked, err := ParseVersion(r.Kubernetes)
	if err != nil {
		return Node{}, exitcode.Usagef("Kubernetes' version: %w; known: %s", err, all)
	}
	matches := func(n Node) bool { return n.Version.matches(asked) }
	if !slices.ContainsFunc(t.Kubernetes, matches) {
		return Node{}, exitcode.Usagef("Kubernetes %s is unknown; known: %s", asked, all)
	}
	i := slices.IndexFunc(has, matches)
	if i < 0 {
		return Node{}, exitcode.Usagef("Kubernetes %s is not available with IMAGES=%s, which has %s; choose one of them or another IMAGES",
			asked, r.Source, list("v", versionsOf(has)))
	}
	return has[i], nil
}

func (t *Table) defaultKubernetes(r Request, istio Version, has []Node) (Node, error) {
	supported := t.minor(istio).Kubernetes
	fits := slices.DeleteFunc(slices.Clone(has), func(n Node) bool { return !supported.Contains(n.Version) })
	if len(fits) == 0 {
		return Node{}, exitcode.Usagef("Istio %s supports Kubernetes %s, and IMAGES=%s has only %s; choose one of them and force it, or another Istio",
			istio, supported, r.Source, list("v", versionsOf(has)))
	}
	i := slices.IndexFunc(fits, func(n Node) bool { return n.Version.matches(t.Default.Kubernetes) })
	return fits[max(i, 0)], nil
}

// minor returns the row of the version's minor, or nil.
func (t *Table) minor(v Version) *Minor {
	i := slices.IndexFunc(t.Istio, func(m Minor) bool { return m.Version.SameMinor(v) })
	if i < 0 {
		return nil
	}
	return &t.Istio[i]
}

func (t *Table) unknownIstio(v Version) error {
	return exitcode.Usagef("Istio %s is unknown; known: %s", v, t.knownIstio())
}

// knownIstio is one short range a minor: a list of every patch would not fit a
// line that somebody reads.
func (t *Table) knownIstio() string {
	ranges := make([]string, 0, len(t.Istio))
	for _, m := range t.Istio {
		ranges = append(ranges, fmt.Sprintf("%s.0-%d", m.Version, m.Newest.Patch))
	}
	return strings.Join(ranges, ", ")
}
