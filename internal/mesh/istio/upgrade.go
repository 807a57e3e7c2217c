package istio

import (
	"fmt"
	"slices"
)

// Standing is what Istio's project says of a step or of a pair of versions.
type Standing string

// The standings, from the best to the worst.
const (
	// Supported is promised to work.
	Supported Standing = "supported"
	// Tested is run by Istio's own tests and not promised.
	Tested Standing = "tested"
	// Unknown is not in the table: the version appeared after it was written.
	Unknown Standing = "unknown"
	// Refused is neither, or known to fail.
	Refused Standing = "refused"
)

// Worse returns the worse of two standings.
func (s Standing) Worse(other Standing) Standing {
	order := []Standing{Supported, Tested, Unknown, Refused}
	return order[max(slices.Index(order, s), slices.Index(order, other))]
}

// Reason is one thing that was looked at.
type Reason struct {
	Standing Standing
	// Text is a sentence without a full stop; Source is where the rule was read.
	Text, Source string
}

// Move is one step from a version to another.
type Move struct {
	// From and To are minors or full versions.
	From, To Version
	Method   Method
	// Kubernetes is the cluster's; nil when it is not decided.
	Kubernetes *Version
}

// Back says whether the move leads to an older version.
func (m Move) Back() bool { return Compare(m.To, m.From) < 0 }

// Same says whether the version stays and only values change.
func (m Move) Same() bool { return m.From == m.To }

// distance is how many minors lie between, never below 0.
func (m Move) distance() int { return max(m.To.Minor-m.From.Minor, m.From.Minor-m.To.Minor) }

func (m Move) String() string { return fmt.Sprintf("%s -> %s %s", m.From, m.To, m.Method) }

// Ruling is what the table says of a move.
type Ruling struct {
	Move
	// Standing is the worst of the reasons'.
	Standing Standing
	Reasons  []Reason
	// Kubernetes is what both versions support, or at least are tested with; nil
	// when there is none.
	Kubernetes *Range
	// Met are the boundaries on the way.
	Met []Boundary
}

// Judge says how a move stands, and why.
func (t *Table) Judge(m Move) Ruling {
	r := Ruling{Move: m, Standing: Supported}
	r.because(t.judgeDistance(m))
	known := true
	for _, v := range []Version{m.From, m.To} {
		if reason := t.known(v); reason != nil {
			r.because(*reason)
			known = false
		}
	}
	from, to := t.minor(m.From), t.minor(m.To)
	if known {
		r.judgeKubernetes(t, m, from, to)
	}
	r.because(t.judgeSkew(m))
	if from != nil && to != nil {
		r.judgeStored(from, to)
	}
	r.Met = t.met(m)
	for i := range r.Met {
		if b := &r.Met[i]; b.Kind == Refuse {
			r.because(Reason{Refused, b.Text, b.Source})
		}
	}
	return r
}

func (r *Ruling) because(reason Reason) {
	r.Reasons = append(r.Reasons, reason)
	r.Standing = r.Standing.Worse(reason.Standing)
}

// Worst returns the reasons that decide the standing.
func (r *Ruling) Worst() []Reason {
	return slices.DeleteFunc(slices.Clone(r.Reasons), func(reason Reason) bool { return reason.Standing != r.Standing })
}

func (t *Table) judgeDistance(m Move) Reason {
	if m.From.Major != m.To.Major {
		return Reason{Refused, "a step between major versions is not described", tableFile}
	}
	limit := t.Upgrade.of(m.Method, m.Back())
	what := "upgrade"
	switch {
	case m.Same():
		return Reason{Supported, "the version stays, only values may change", limit.Source}
	case m.Back():
		what = "way back"
	}
	if n := m.distance(); n > limit.Minors {
		return Reason{Refused, fmt.Sprintf("%d minor versions in one %s %s, at most %d", n, m.Method, what, limit.Minors), limit.Source}
	}
	return Reason{Supported, fmt.Sprintf("%d of at most %d minor versions in one %s %s", m.distance(), limit.Minors, m.Method, what), limit.Source}
}

// judgeKubernetes looks for Kubernetes that both versions can run on: each of
// them does during the step.
func (r *Ruling) judgeKubernetes(t *Table, m Move, from, to *Minor) {
	r.Kubernetes = common(from.Kubernetes, to.Kubernetes)
	standing := Supported
	if r.Kubernetes == nil {
		standing = Tested
		r.Kubernetes = common(from.Usable(), to.Usable())
	}
	source := from.Source + "; " + to.Source
	if m.Kubernetes != nil {
		for _, side := range []*Minor{from, to} {
			r.because(t.judgeKubernetes(side, *m.Kubernetes))
		}
		return
	}
	if r.Kubernetes == nil {
		r.because(Reason{Refused, fmt.Sprintf("no Kubernetes runs both: Istio %s supports %s, Istio %s supports %s", from.Version, from.Kubernetes, to.Version, to.Kubernetes), source})
		return
	}
	r.because(Reason{standing, fmt.Sprintf("both are %s on Kubernetes %s", standing, r.Kubernetes), source})
}

// judgeSkew looks at the time in which some proxies have moved and others have not.
func (t *Table) judgeSkew(m Move) Reason {
	source := t.Upgrade.Skew.Source
	switch n := m.distance(); {
	case m.Method == Canary:
		return Reason{Supported, "every proxy stays with a control plane of its own version until it is moved", source}
	case n > t.Upgrade.Skew.Minors:
		return Reason{Refused, fmt.Sprintf("proxies would be %d minor versions apart from their control plane, at most %d", n, t.Upgrade.Skew.Minors), source}
	case m.Back():
		return Reason{Supported, "workloads and gateway go back before istiod: no proxy is ahead of its control plane", source}
	default:
		return Reason{Supported, "istiod goes first: proxies are behind their control plane until they are restarted, never ahead", source}
	}
}

// judgeStored refuses a chart base that lacks a version in which the API server
// may have stored resources.
func (r *Ruling) judgeStored(from, to *Minor) {
	if r.Back() && from.CRDs.StoreV1 > 0 && !to.servesV1() {
		r.because(Reason{Refused, fmt.Sprintf("resources are stored at v1 since Istio %s, and chart base of %s has no v1: the API server refuses such a CRD", from.Version, to.Version), tableFile + ", crds"})
	}
}

// servesV1 says whether the minor's CRDs have v1 at all.
func (m *Minor) servesV1() bool { return compareMinor(m.Version, firstV1) >= 0 }

// firstV1 is the first minor whose chart base has v1, see fixtures/crds.yaml; a
// unit test compares the two.
var firstV1 = Version{1, 22, noPatch, ""}

// Usable is what the release supports or is at least tested with.
func (m *Minor) Usable() Range {
	if !m.Tested.Known() {
		return m.Kubernetes
	}
	first, last := m.Kubernetes.First, m.Kubernetes.Last
	if compareMinor(m.Tested.First, first) < 0 {
		first = m.Tested.First
	}
	if compareMinor(m.Tested.Last, last) > 0 {
		last = m.Tested.Last
	}
	return Range{first, last}
}

// common is what two ranges share, or nil.
func common(a, b Range) *Range {
	shared := a
	if compareMinor(b.First, shared.First) > 0 {
		shared.First = b.First
	}
	if compareMinor(b.Last, shared.Last) < 0 {
		shared.Last = b.Last
	}
	if compareMinor(shared.First, shared.Last) > 0 {
		return nil
	}
	return &shared
}

// met returns the boundaries that a move crosses.
func (t *Table) met(m Move) []Boundary {
	older, newer, when := m.From, m.To, Forward
	if m.Back() {
		older, newer, when = m.To, m.From, Back
	}
	var met []Boundary
	for _, b := range t.Boundaries {
		crossed := compareMinor(older, b.After) <= 0 && compareMinor(newer, b.After) > 0
		methods := len(b.Methods) == 0 || slices.Contains(b.Methods, m.Method)
		nodes := b.Kubernetes == nil || m.Kubernetes == nil || compareMinor(*m.Kubernetes, *b.Kubernetes) >= 0
		if crossed && b.When == when && methods && nodes {
			met = append(met, b)
		}
	}
	return met
}
