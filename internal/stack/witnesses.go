package stack

import (
	"context"
	"strings"

	"istio-conformance/internal/mesh/envoy"
)

// Witnesses are what a gateway tells of the requests that it handles, beside what the
// client and the backend see.
type Witnesses struct {
	// Known says that the rest was found out.
	Known bool
	// Log is what its access log is.
	Log envoy.LogFormat
	// Statistics says that its Envoy keeps those of clusters: Istio leaves them out
	// unless proxyStatsMatcher includes them.
	Statistics bool
	// Sidecars says that those of the backends write access logs that can be read.
	Sidecars bool
	// TakesAll says that somebody else's route takes every host that nobody names.
	TakesAll bool
}

// clusterStatistic is one that every Envoy with statistics of clusters has.
const clusterStatistic = "cluster.outbound|"

// LearnWitnesses asks the gateway's Envoy what it tells of requests. It has a listener by
// then, and a cluster.
func (s *Stack) LearnWitnesses(ctx context.Context) error {
	dump, err := s.GatewayAdmin(ctx, "config_dump?resource=dynamic_listeners")
	if err != nil {
		return err
	}
	if s.Gateway.Witnesses.Log, err = envoy.ParseLogFormat([]byte(dump), int(s.Gateway.HTTP.Target)); err != nil {
		return err
	}
	statistics, err := s.GatewayAdmin(ctx, "stats?filter=upstream_rq_total")
	s.Gateway.Witnesses.Known = err == nil
	s.Gateway.Witnesses.Statistics = strings.Contains(statistics, clusterStatistic)
	return err
}

// sidecarPort is where a sidecar takes what comes to its pod.
const sidecarPort = 15006

// LearnSidecars asks a backend's sidecar whether it writes an access log by now.
func (s *Stack) LearnSidecars(ctx context.Context, selector string) (bool, error) {
	pods, err := s.ReadyPods(ctx, s.Namespace, selector)
	if err != nil {
		return false, err
	}
	for _, pod := range pods {
		dump, err := s.ProxyAdmin(ctx, pod, "config_dump?resource=dynamic_listeners")
		if err != nil {
			return false, err
		}
		format, err := envoy.ParseLogFormat([]byte(dump), sidecarPort)
		if err != nil || !format.Readable {
			return false, err
		}
	}
	s.Gateway.Witnesses.Sidecars = len(pods) > 0
	return s.Gateway.Witnesses.Sidecars, nil
}

// WhyTakesAll says why a host without a route is not unknown to the gateway.
func (s *Stack) WhyTakesAll() string {
	if s.Gateway.Witnesses.TakesAll {
		return "a route of somebody else's takes every host at the gateway, so that none is unknown"
	}
	return ""
}

// WhyNoLog says why nothing can be read of a gateway's access log; empty when it can.
func (s *Stack) WhyNoLog() string {
	switch log := s.Gateway.Witnesses.Log; {
	case !s.Gateway.Witnesses.Known:
		return "" // What the check needs before says why.
	case !log.Written:
		return "the gateway writes no access log (meshConfig.accessLogFile, or a Telemetry resource, turns it on)"
	case !log.Readable:
		return "the gateway's access log has a format of its own"
	default:
		return ""
	}
}

// WhyNoAttempts says why the gateway's access log does not count the attempts of a request.
func (s *Stack) WhyNoAttempts() string {
	if why := s.WhyNoLog(); why != "" {
		return why
	}
	if s.Gateway.Witnesses.Known && !s.Gateway.Witnesses.Log.Attempts {
		return "the gateway's access log does not count attempts (%UPSTREAM_REQUEST_ATTEMPT_COUNT%)"
	}
	return ""
}

// WhyNoStatistics says why the gateway's Envoy cannot be asked for counts of a cluster.
func (s *Stack) WhyNoStatistics() string {
	if s.Gateway.Witnesses.Statistics || !s.Gateway.Witnesses.Known {
		return ""
	}
	return "the gateway's Envoy keeps no statistics of clusters (proxyStatsMatcher leaves them out by default)"
}
