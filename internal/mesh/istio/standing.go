package istio

import (
	"fmt"
	"slices"
)

// Standing says how a pair of versions stands, and why.
func (t *Table) Standing(istio, kubernetes Version) Reason {
	if reason := t.known(istio); reason != nil {
		return *reason
	}
	return t.judgeKubernetes(t.minor(istio), kubernetes)
}

// known returns nil where the table says what the version supports, else why it
// does not.
func (t *Table) known(v Version) *Reason {
	m := t.minor(v)
	switch {
	case v.Pre != "":
		return &Reason{Unknown, fmt.Sprintf("Istio %s is a pre-release, of which no support is promised", v), tableFile}
	case m == nil && len(t.Istio) > 0 && compareMinor(v, t.Istio[len(t.Istio)-1].Version) < 0:
		return &Reason{Refused, fmt.Sprintf("Istio %s is older than all that is known, which begins with %s", v, t.Istio[len(t.Istio)-1].Version), tableFile}
	case m == nil:
		return &Reason{Unknown, fmt.Sprintf("the table of versions does not have Istio %s", v.MinorOf()), tableFile}
	case !m.Kubernetes.Known():
		return &Reason{Unknown, fmt.Sprintf("the table of versions does not say which Kubernetes Istio %s supports", m.Version), m.Source}
	}
	return nil
}

// judgeKubernetes says how a release stands to a version of Kubernetes.
func (t *Table) judgeKubernetes(m *Minor, v Version) Reason {
	switch {
	case m.Kubernetes.Contains(v):
		return Reason{Supported, fmt.Sprintf("Istio %s supports Kubernetes %s, so also %s", m.Version, m.Kubernetes, v), m.Source}
	case m.Tested.Contains(v):
		return Reason{Tested, fmt.Sprintf("Istio %s is tested with Kubernetes %s, and supports only %s", m.Version, v, m.Kubernetes), m.Source}
	case compareMinor(v, t.newestKubernetes()) > 0:
		return Reason{Unknown, fmt.Sprintf("the table of versions does not have Kubernetes %s", v.MinorOf()), tableFile}
	case !m.Tested.Known():
		return Reason{Refused, fmt.Sprintf("Istio %s supports Kubernetes %s, not %s", m.Version, m.Kubernetes, v), m.Source}
	default:
		return Reason{Refused, fmt.Sprintf("Istio %s supports Kubernetes %s and is tested with %s, not with %s", m.Version, m.Kubernetes, m.Tested, v), m.Source}
	}
}

// newestKubernetes is the newest minor that the table speaks of: it cannot say
// anything about one that appeared later.
func (t *Table) newestKubernetes() Version {
	var newest Version
	for _, n := range t.Kubernetes {
		newest = slices.MaxFunc([]Version{newest, n.Version}, compareMinor)
	}
	for _, m := range t.Istio {
		newest = slices.MaxFunc([]Version{newest, m.Kubernetes.Last}, compareMinor)
	}
	return newest
}
