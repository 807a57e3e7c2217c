package upgrade

import (
	"context"
	"strconv"

	"istio-conformance/suites/upgrade/installation"
)

// changedValues keeps the version and changes values that make istiod and the
// gateway restart.
func changedValues(m *installation.Mesh) []step {
	at := m.Stack.Cell.Istio
	state := installation.Versions{Base: at, ControlPlanes: []string{at}, Gateway: at, Workloads: at}
	var steps []step
	for turn, leg := range []string{legForward, legRollback, legAgain} {
		charts := []string{"istiod", "gateway"}
		if leg == legRollback {
			charts = []string{"gateway", "istiod"}
		}
		for _, chart := range charts {
			steps = append(steps, step{leg: leg, name: chart, after: state, change: func(ctx context.Context) error {
				if leg == legRollback {
					return m.Previous(ctx, chart, at)
				}
				return m.Upgrade(ctx, chart, at, restarting(chart, turn))
			}})
		}
	}
	return steps
}

// restarting are values that change a chart's pods and nothing that they do.
func restarting(chart string, turn int) map[string]any {
	note := map[string]any{"podAnnotations": map[string]any{"istio-conformance/turn": strconv.Itoa(turn)}}
	if chart == "istiod" {
		return map[string]any{"pilot": note}
	}
	return note
}
