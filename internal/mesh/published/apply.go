package published

import (
	"slices"

	"istio-conformance/internal/mesh/istio"
)

// Apply puts what Istio's project says today into the table: which Kubernetes each
// minor supports, also of minors that the table does not have.
func Apply(table *istio.Table, supports []Support) {
	for _, s := range supports {
		i := slices.IndexFunc(table.Istio, func(m istio.Minor) bool { return m.Version == s.Minor })
		if i < 0 && len(table.Istio) > 0 && istio.Compare(s.Minor, table.Istio[0].Version) < 0 {
			continue // older than what this project knows how to install
		}
		if i < 0 {
			table.Istio = append(table.Istio, istio.Minor{Version: s.Minor, Newest: s.Minor})
			i = len(table.Istio) - 1
		}
		m := &table.Istio[i]
		m.Kubernetes, m.Tested, m.Ended, m.Source = s.Kubernetes, s.Tested, !s.Supported, SupportURL
	}
	slices.SortFunc(table.Istio, func(a, b istio.Minor) int { return istio.Compare(b.Version, a.Version) })
}
