package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/cluster"
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
	hosts, _ := hostsOf(clusters, cluster)
	var addresses []string
	for _, host := range hosts {
		if !slices.Contains(host.Unhealthy, "eds_unhealthy") && !slices.Contains(addresses, host.String()) {
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
	hosts, ok := hostsOf(clusters, cluster)
	if !ok {
		return nil, fmt.Errorf("the gateway has no cluster %s", cluster)
	}
	byAddress := map[string]envoy.Host{}
	for _, host := range hosts {
		if known, ok := byAddress[host.String()]; ok { // in another gateway pod
			for name, n := range known.Stats {
				host.Stats[name] += n
			}
			host.Unhealthy = append(host.Unhealthy, known.Unhealthy...)
		}
		byAddress[host.String()] = host
	}
	return byAddress, nil
}

// GatewayStats asks the gateway's Envoy for the statistics of a cluster, by names
// such as "upstream_rq_total". Cluster makes its name.
func GatewayStats(ctx context.Context, s *stack.Stack, cluster string) (map[string]uint64, error) {
	if s.WhyNoStatistics() != "" {
		return hostStats(ctx, s, cluster)
	}
	sum := map[string]uint64{}
	// The filter is a regular expression; the host's part of the name needs no
	// escapes, and other clusters that it lets pass are sorted out below.
	err := eachGateway(ctx, s, "stats?filter="+cluster[strings.LastIndex(cluster, "|")+1:], func(output string) error {
		stats, err := envoy.ParseStats(output)
		for name, n := range envoy.ClusterStats(stats, cluster) {
			sum[name] += n
		}
		return err
	})
	return sum, err
}

// eachGateway asks the Envoy of every gateway pod: requests come to any of them.
func eachGateway(ctx context.Context, s *stack.Stack, request string, read func(output string) error) error {
	pods, err := s.ReadyPods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
	if err == nil && len(pods) == 0 {
		_, err = s.GatewayPod(ctx)
	}
	if err != nil {
		return cluster.Unasked(err)
	}
	for _, pod := range pods {
		output, err := s.ProxyAdmin(ctx, pod, request)
		if err != nil {
			return err
		}
		if err := read(output); err != nil {
			return err
		}
	}
	return nil
}

// hostStats sums up what Envoy counts of each of a cluster's endpoints, which it does
// whatever statistics it keeps, under the names of the cluster's own.
func hostStats(ctx context.Context, s *stack.Stack, cluster string) (map[string]uint64, error) {
	hosts, err := GatewayHosts(ctx, s, cluster)
	if err != nil {
		return nil, err
	}
	stats := map[string]uint64{}
	for _, host := range hosts {
		for _, name := range []string{"rq_total", "rq_active", "cx_total", "cx_active"} {
			stats["upstream_"+name] += host.Stats[name]
		}
	}
	return stats, nil
}

// Cluster is Envoy's name for a port of a Service in the checks' namespace; an
// empty subset means all its endpoints.
func Cluster(s *stack.Stack, service, subset string, port int) string {
	return fmt.Sprintf("outbound|%d|%s|%s.%s.svc.cluster.local", port, subset, service, s.Namespace)
}

// gatewayClusters returns the clusters of all gateway pods.
func gatewayClusters(ctx context.Context, s *stack.Stack) (all [][]envoy.Cluster, err error) {
	err = eachGateway(ctx, s, "clusters?format=json", func(output string) error {
		clusters, err := envoy.ParseClusters([]byte(output))
		all = append(all, clusters)
		return err
	})
	return all, err
}

// hostsOf returns a cluster's endpoints as each gateway pod knows them.
func hostsOf(all [][]envoy.Cluster, cluster string) (hosts []envoy.Host, known bool) {
	for _, clusters := range all {
		found, ok := envoy.Endpoints(clusters, cluster)
		hosts, known = append(hosts, found...), known || ok
	}
	return hosts, known
}
