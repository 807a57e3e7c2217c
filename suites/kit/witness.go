package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
)

// BackendLog returns what the backend's pods themselves logged of a request, or of
// all requests whose ids are the given one with "-" and more behind it.
func BackendLog(ctx context.Context, s *stack.Stack, id string) ([]Answer, error) {
	return PodLog(ctx, s, BackendSelector, id)
}

// PodLog is BackendLog for other pods that run the backend, such as an App's.
func PodLog(ctx context.Context, s *stack.Stack, selector, id string) ([]Answer, error) {
	logs, err := s.Logs(ctx, s.Namespace, selector, "backend")
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
		if a.ID == id || strings.HasPrefix(a.ID, id+"-") {
			found = append(found, a)
		}
	}
	return found, nil
}

// BackendLogs returns all that the backend's pods logged in the last minutes, by
// the requests' ids.
func BackendLogs(ctx context.Context, s *stack.Stack) (map[string][]Answer, error) {
	logs, err := s.Logs(ctx, s.Namespace, BackendSelector, "backend")
	if err != nil {
		return nil, err
	}
	found := map[string][]Answer{}
	for line := range strings.Lines(logs) {
		var a Answer
		if err := json.Unmarshal([]byte(line), &a); err != nil || a.ID == "" {
			// A line of the program's own, for people.
			continue
		}
		found[a.ID] = append(found[a.ID], a)
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
// port, as host:port, but those of which istiod says that they are not ready.
func GatewayEndpoints(ctx context.Context, s *stack.Stack, service string, port int) ([]string, error) {
	return readyEndpoints(ctx, s, Cluster(s, service, "", port))
}

// readyEndpoints returns a cluster's endpoints that get requests: istiod sends the
// gateway those of pods that are not ready too, marked as unhealthy.
func readyEndpoints(ctx context.Context, s *stack.Stack, cluster string) ([]string, error) {
	clusters, err := gatewayClusters(ctx, s)
	if err != nil {
		return nil, err
	}
	hosts, _ := envoy.Endpoints(clusters, cluster)
	var addresses []string
	for _, host := range hosts {
		if !slices.Contains(host.Unhealthy, "eds_unhealthy") {
			addresses = append(addresses, host.String())
		}
	}
	return addresses, nil
}

// GatewayHosts asks the gateway's Envoy for the endpoints of a cluster with their
// health and counters, by their host:port. Cluster makes its name.
func GatewayHosts(ctx context.Context, s *stack.Stack, cluster string) (map[string]envoy.Host, error) {
	clusters, err := gatewayClusters(ctx, s)
	if err != nil {
		return nil, err
	}
	hosts, ok := envoy.Endpoints(clusters, cluster)
	if !ok {
		return nil, fmt.Errorf("the gateway has no cluster %s", cluster)
	}
	byAddress := map[string]envoy.Host{}
	for _, host := range hosts {
		byAddress[host.String()] = host
	}
	return byAddress, nil
}

// GatewayStats asks the gateway's Envoy for the statistics of a cluster, by names
// such as "upstream_rq_total". Cluster makes its name.
func GatewayStats(ctx context.Context, s *stack.Stack, cluster string) (map[string]uint64, error) {
	// The filter is a regular expression; the host's part of the name needs no
	// escapes, and other clusters that it lets pass are sorted out below.
	output, err := s.GatewayAdmin(ctx, "stats?filter="+cluster[strings.LastIndex(cluster, "|")+1:])
	if err != nil {
		return nil, err
	}
	stats, err := envoy.ParseStats(output)
	if err != nil {
		return nil, err
	}
	return envoy.ClusterStats(stats, cluster), nil
}

// Cluster is Envoy's name for a port of a Service in the checks' namespace; an
// empty subset means all its endpoints.
func Cluster(s *stack.Stack, service, subset string, port int) string {
	return fmt.Sprintf("outbound|%d|%s|%s.%s.svc.cluster.local", port, subset, service, s.Namespace)
}

func gatewayClusters(ctx context.Context, s *stack.Stack) ([]envoy.Cluster, error) {
	output, err := s.GatewayAdmin(ctx, "clusters?format=json")
	if err != nil {
		return nil, err
	}
	return envoy.ParseClusters([]byte(output))
}
