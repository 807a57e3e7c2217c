package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Outsider is a client outside of the mesh, in the namespace of the checks: a pod without
// a sidecar.
type Outsider struct {
	pod   string
	stack *stack.Stack
}

// NewOutsider starts the pod, which goes with the check.
func NewOutsider(ctx context.Context, t *check.T, s *stack.Stack) Outsider {
	t.Helper()
	app := NewApp(ctx, t, s, "outside", 1)
	return Outsider{PodNames(app.MustHavePods(ctx, t, 1))[0], s}
}

// Ask sends one request in plain text and returns its status; "000" and curl's status for
// how it ended where no answer came: 52 for a closed connection, 56 for a reset one.
func (o Outsider) Ask(ctx context.Context, url, id string) (string, error) {
	out, err := o.stack.Cluster.PodExec(ctx, o.stack.Namespace, o.pod, "backend", "/backend", "ask", "-id", id, "-timeout", RequestTimeout.String(), url)
	if err != nil {
		return "", err
	}
	var result struct {
		Status int    `json:"status"`
		Error  string `json:"error"`
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil {
		return "", fmt.Errorf("what the backend's command ask printed: %w: %q", err, out)
	}
	switch {
	case result.Error == "":
		return fmt.Sprintf("%03d", result.Status), nil
	case strings.HasSuffix(result.Error, "EOF"):
		return "000 curl 52", nil
	case strings.Contains(result.Error, "connection reset"):
		return "000 curl 56", nil
	default:
		return "000 " + result.Error, nil
	}
}
