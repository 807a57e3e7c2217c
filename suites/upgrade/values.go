package upgrade

import (
	"context"
	"strconv"
)

// changedValues keeps the version and changes values that make istiod and the
// gateway restart.
func changedValues(m *mesh) []step {
	at := m.stack.Cell.Istio
	state := versions{base: at, controlPlanes: []string{at}, gateway: at, workloads: at}
	var steps []step
	for turn, leg := range []string{legForward, legRollback, legAgain} {
		charts := []string{"istiod", "gateway"}
		if leg == legRollback {
			charts = []string{"gateway", "istiod"}
		}
		for _, chart := range charts {
			steps = append(steps, step{leg: leg, name: chart, after: state, change: func(ctx context.Context) error {
				if leg == legRollback {
					return m.previous(ctx, chart, at)
				}
				return m.upgrade(ctx, chart, at, restarting(chart, turn))
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

// previous is helm rollback to the revision before the last.
func (m *mesh) previous(ctx context.Context, chart, version string) error {
	r, err := m.release(chart, version, nil)
	if err != nil {
		return err
	}
	return m.stack.Helm.Rollback(ctx, r.Namespace, r.Name, 0, r.Timeout)
}
