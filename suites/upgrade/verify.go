package upgrade

import (
	"context"
	"fmt"
	"time"
)

// settleTimeout bounds the time from the end of a change until everything has
// come to rest, on a busy machine.
const settleTimeout = 3 * time.Minute

// verify looks at the mesh after a step. It returns what it saw and what does not
// hold; what is still on its way is waited for.
func (m *mesh) verify(ctx context.Context, want versions) (observed, failures []string) {
	for _, part := range []struct {
		name string
		look func(ctx context.Context, want versions) (string, error)
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
		err := until(ctx, settleTimeout, func(ctx context.Context) (err error) {
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
// release can be ready while old pods still drain.
func (m *mesh) verifyRollouts(ctx context.Context, _ versions) (string, error) {
	for _, g := range m.groups() {
		if err := m.noneLeaving(ctx, g.namespace); err != nil {
			return "", err
		}
	}
	return "", nil
}
