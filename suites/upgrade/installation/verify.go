package installation

import (
	"context"
	"fmt"
	"time"

	"istio-conformance/suites/kit"
)

// SettleTimeout bounds the time from the end of a change until everything has
// come to rest, on a busy machine.
const SettleTimeout = 3 * time.Minute

// Verify looks at the mesh after a step. It returns what it saw and what does not
// hold; what is still on its way is waited for.
func (m *Mesh) Verify(ctx context.Context, want Versions) (observed, failures []string) {
	for _, part := range []struct {
		name string
		look func(ctx context.Context, want Versions) (string, error)
	}{
		{"rollouts", m.verifyRollouts},
		{"versions", m.verifyVersions},
		{"objects", m.verifyObjects},
		{"crds", m.verifyCRDs},
		{"webhooks", m.verifyWebhooks},
		{"injection", m.verifyInjection},
		{"validation", m.verifyValidation},
		{"certificates", m.verifyCertificates},
		{"configuration", m.verifyConfiguration},
	} {
		saw := ""
		err := kit.Until(ctx, SettleTimeout, func(ctx context.Context) (err error) {
			saw, err = part.look(ctx, want)
			return err
		})
		if err != nil {
			failures = append(failures, fmt.Sprintf("%s: %v", part.name, err))
			return observed, failures // what follows stands on it
		}
		if saw != "" {
			observed = append(observed, part.name+": "+saw)
		}
	}
	return observed, nil
}

// verifyRollouts waits until the pods of gateway and workloads are at rest: a
// Release can be ready while old pods still drain.
func (m *Mesh) verifyRollouts(ctx context.Context, _ Versions) (string, error) {
	for _, g := range m.Groups() {
		if err := m.noneLeaving(ctx, g.Namespace); err != nil {
			return "", err
		}
	}
	return "", nil
}
