package istio

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// Request is a pair of versions as the user asks for it.
type Request struct {
	// Istio and Kubernetes are a minor (1.31, v1.36) or a full version; empty
	// means the default.
	Istio, Kubernetes string
	// Source is SourceRelease or SourceModules. What an archive holds only the
	// archive knows: its pair goes through Check instead.
	Source string
	// Force allows a pair outside the support table.
	Force bool
	// Published are the releases and pre-releases that the place of the charts has,
	// the newest first; nil means those of the table. Origin names the place.
	Published []Version
	Origin    string
	// NodeImage is the user's own; its tag says which Kubernetes it is.
	NodeImage string
	// Nodes are node images that are published and that the table may not have.
	Nodes []Node
}

// Resolved is the pair under test.
type Resolved struct {
	Pair
	// NodeImage is the official node image with its digest; empty when the
	// source builds its own.
	NodeImage string
}

// Resolve turns what the user asked for into full versions that the source has:
// of a minor its newest, of nothing the default. Without a wish for Kubernetes
// it takes the default where this Istio supports it, else the newest that it
// does. Every error is one line with status exitcode.Usage.
func (t *Table) Resolve(r Request) (Resolved, error) {
	if r.Source != SourceRelease && r.Source != SourceModules {
		return Resolved{}, exitcode.Usagef("IMAGES=%s has no versions of its own; want %s or %s", r.Source, SourceRelease, SourceModules)
	}
	istio, err := t.resolveIstio(r)
	if err != nil {
		return Resolved{}, err
	}
	node, err := t.resolveKubernetes(r, istio)
	if err != nil {
		return Resolved{}, err
	}
	cell := Resolved{Pair: Pair{Istio: istio.String(), Kubernetes: "v" + node.Version.String()}}
	if r.Source == SourceRelease {
		cell.NodeImage = node.Image
	}
	return cell, t.Check(cell.Pair, r.Force)
}

// Check returns an error with status exitcode.Usage for a pair of full versions
// that Istio does not support, unless it is forced. One of which the table says
// nothing is none: Standing says that.
func (t *Table) Check(c Pair, force bool) error {
	reason, err := t.StandingOf(c)
	if err != nil || force || reason.Standing == Supported || reason.Standing == Unknown {
		return err
	}
	return exitcode.Usagef("Istio %s on Kubernetes %s: %s (%s); choose another pair, or force this one", c.Istio, c.Kubernetes, reason.Text, reason.Source)
}

// StandingOf is Standing for a pair. Errors have status exitcode.Usage.
func (t *Table) StandingOf(c Pair) (Reason, error) {
	istio, kubernetes, err := c.Versions()
	if err != nil {
		return Reason{}, err
	}
	return t.Standing(istio, kubernetes), nil
}

func (t *Table) resolveIstio(r Request) (Version, error) {
	asked := t.Default.Istio
	if r.Istio != "" {
		var err error
		if asked, err = ParseVersion(r.Istio); err != nil && r.Published != nil {
			return Version{}, exitcode.Usagef("Istio's version: %w", err)
		} else if err != nil {
			return Version{}, exitcode.Usagef("Istio's version: %w; known: %s", err, t.knownIstio())
		}
	}
	if r.Published != nil {
		return published(r, asked)
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

// published finds a version among those that the place of the charts has.
func published(r Request, asked Version) (Version, error) {
	i := slices.IndexFunc(r.Published, func(v Version) bool { return v.matches(asked) })
	if i >= 0 {
		return r.Published[i], nil
	}
	var same, releases []Version
	for _, v := range r.Published {
		if v.SameMinor(asked) {
			same = append(same, v)
		}
		if v.Pre == "" {
			releases = append(releases, v)
		}
	}
	switch {
	case len(same) > 0 && !asked.Full():
		return Version{}, exitcode.Usagef("%s has no release of Istio %s yet, only %s; ask for one of them by its full name", r.Origin, asked, list("", same))
	case len(same) > 0:
		return Version{}, exitcode.Usagef("%s has no Istio %s; its newest %s is %s", r.Origin, asked, asked.MinorOf(), same[0])
	case len(releases) > 0:
		return Version{}, exitcode.Usagef("%s has no Istio %s; its newest is %s", r.Origin, asked, releases[0])
	default:
		return Version{}, exitcode.Usagef("%s has no release of Istio at all", r.Origin)
	}
}

func (t *Table) resolveKubernetes(r Request, istio Version) (Node, error) {
	if r.NodeImage != "" {
		return ownNode(r)
	}
	has := t.KubernetesIn(r.Source)
	if r.Kubernetes == "" {
		return t.defaultKubernetes(r, istio, has)
	}
	known := append(slices.Clone(t.Kubernetes), r.Nodes...)
	all := list("v", versionsOf(known))
	asked, err := ParseVersion(r.Kubernetes)
	if err != nil {
		return Node{}, exitcode.Usagef("Kubernetes' version: %w; known: %s", err, all)
	}
	matches := func(n Node) bool { return n.Version.matches(asked) }
	if !slices.ContainsFunc(known, matches) {
		return Node{}, exitcode.Usagef("Kubernetes %s is %w; known: %s", asked, ErrUnknownKubernetes, all)
	}
	has = append(has, r.Nodes...)
	i := slices.IndexFunc(has, matches)
	if i < 0 {
		return Node{}, exitcode.Usagef("Kubernetes %s is not available with IMAGES=%s, which has %s; choose one of them or another IMAGES",
			asked, r.Source, list("v", versionsOf(has)))
	}
	return has[i], nil
}

// ErrUnknownKubernetes says that no row has a version of Kubernetes.
var ErrUnknownKubernetes = errors.New("unknown")

var nodeTag = regexp.MustCompile(`:(v\d+\.\d+\.\d+)[^:@/]*(?:@sha256:[0-9a-f]+)?$`)

// ownNode reads from the tag of the user's node image which Kubernetes it is.
func ownNode(r Request) (Node, error) {
	text := r.Kubernetes
	if tag := nodeTag.FindStringSubmatch(r.NodeImage); tag != nil {
		text = tag[1]
	}
	v, err := ParseVersion(text)
	if err != nil || !v.Full() {
		return Node{}, exitcode.Usagef("NODE_IMAGE=%s: its tag does not say which Kubernetes it is; say it: KUBERNETES=v1.36.4", r.NodeImage)
	}
	if r.Kubernetes == "" {
		return Node{Version: v, Image: r.NodeImage}, nil
	}
	asked, err := ParseVersion(r.Kubernetes)
	if err != nil {
		return Node{}, exitcode.Usagef("Kubernetes' version: %w", err)
	}
	if !v.matches(asked) {
		return Node{}, exitcode.Usagef("NODE_IMAGE=%s is of Kubernetes v%s, not %s; leave KUBERNETES out, or name another image", r.NodeImage, v, r.Kubernetes)
	}
	return Node{Version: v, Image: r.NodeImage}, nil
}

func (t *Table) defaultKubernetes(r Request, istio Version, has []Node) (Node, error) {
	if t.minor(istio) == nil {
		// Nothing is known that could speak for one of them.
		return has[max(0, slices.IndexFunc(has, func(n Node) bool { return n.Version.matches(t.Default.Kubernetes) }))], nil
	}
	fits := slices.DeleteFunc(slices.Clone(has), func(n Node) bool {
		standing := t.Standing(istio, n.Version).Standing
		return standing != Supported && standing != Unknown
	})
	if len(fits) == 0 {
		return Node{}, exitcode.Usagef("Istio %s supports Kubernetes %s, and IMAGES=%s has only %s; choose one of them and force it, or another Istio",
			istio, t.minor(istio).Kubernetes, r.Source, list("v", versionsOf(has)))
	}
	i := slices.IndexFunc(fits, func(n Node) bool { return n.Version.matches(t.Default.Kubernetes) })
	return fits[max(i, 0)], nil
}

// Newest is the newest release in the table.
func (t *Table) Newest() Version { return t.Istio[0].Newest }

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
		known := fmt.Sprintf("%s.0", m.Version)
		if m.Newest.Patch > 0 {
			known += " to " + m.Newest.String()
		}
		ranges = append(ranges, known)
	}
	return strings.Join(ranges, ", ")
}
