package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"istio-conformance/internal/envoy"
	"istio-conformance/internal/stack"
)

// BackendLog returns what the backend's pods themselves logged of a request.
func BackendLog(ctx context.Context, s *stack.Stack, id string) ([]Answer, error) {
	logs, err := s.Logs(ctx, s.Namespace, BackendSelector, "backend")
	if err != nil {
		return nil, err
	}
	var found []Answer
	for line := range strings.SplitSeq(logs, "\n") {
		if !strings.Contains(line, id) {
			continue
		}
		var a Answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, fmt.Errorf("backend log line %q: %w", line, err)
		}
		if a.ID == id {
			found = append(found, a)
		}
	}
	return found, nil
}

// AccessLog returns the gateway's access log entries of requests whose path
// contains the id.
func AccessLog(ctx context.Context, s *stack.Stack, id string) ([]envoy.AccessLog, error) {
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

// GatewayEndpoints asks the gateway's Envoy for the addresses behind a Service's
// port, as host:port.
func GatewayEndpoints(ctx context.Context, s *stack.Stack, service string, port int) ([]string, error) {
	output, err := s.GatewayAdmin(ctx, "clusters?format=json")
	if err != nil {
		return nil, err
	}
	clusters, err := envoy.ParseClusters([]byte(output))
	if err != nil {
		return nil, err
	}
	return envoy.Addresses(clusters, fmt.Sprintf("outbound|%d||%s.%s.svc.cluster.local", port, service, s.Namespace)), nil
}
