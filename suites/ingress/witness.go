package ingress

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"istio-conformance/internal/envoy"
	"istio-conformance/internal/stack"
)

// backendLog returns what the backend's pods themselves logged of a request.
func backendLog(ctx context.Context, s *stack.Stack, id string) ([]answer, error) {
	logs, err := s.Logs(ctx, s.Namespace, "app=backend", "backend")
	if err != nil {
		return nil, err
	}
	var found []answer
	for line := range strings.SplitSeq(logs, "\n") {
		if !strings.Contains(line, id) {
			continue
		}
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, fmt.Errorf("backend log line %q: %w", line, err)
		}
		if a.ID == id {
			found = append(found, a)
		}
	}
	return found, nil
}

// accessLog returns the gateway's access log entries of requests whose path
// contains the id.
func accessLog(ctx context.Context, s *stack.Stack, id string) ([]envoy.AccessLog, error) {
	logs, err := s.Logs(ctx, s.Gateway.Namespace, s.Gateway.Selector, "istio-proxy")
	if err != nil {
		return nil, err
	}
	var found []envoy.AccessLog
	for line := range strings.SplitSeq(logs, "\n") {
		if !strings.Contains(line, id) {
			continue
		}
		entry, err := envoy.ParseAccessLog(line)
		if err != nil {
			return nil, fmt.Errorf("gateway log line %q: %w", line, err)
		}
		found = append(found, entry)
	}
	return found, nil
}
