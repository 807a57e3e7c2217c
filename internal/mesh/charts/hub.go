package charts

import (
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
)

// Hub is where the images of a release of Istio's charts come from: global.hub of its
// values, or of the chart's own; empty where it has none.
func Hub(r *release.Release) string {
	if r.Chart == nil {
		return ""
	}
	values, err := chartutil.CoalesceValues(r.Chart, r.Config)
	if err != nil {
		return "" // Helm could not have installed it
	}
	global, err := values.Table("global")
	if err != nil {
		return ""
	}
	hub, _ := global["hub"].(string)
	return hub
}
