package envoy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// AccessLog is one request in a proxy's access log, in the format that
// meshConfig.accessLogFormat of fixtures/values/istiod.yaml sets. Envoy writes
// null for what does not apply; here that is the zero value.
type AccessLog struct {
	StartTime time.Time `json:"start_time"`
	Method    string    `json:"method"`
	Authority string    `json:"authority"`
	Path      string    `json:"path"`
	Protocol  string    `json:"protocol"`
	RequestID string    `json:"request_id"`
	// TraceID is of the trace that the request belongs to; empty unless the proxy
	// takes part in tracing.
	TraceID string `json:"trace_id"`
	// RemoteAddress is the "<address>:<port>" that the client seems to have.
	RemoteAddress string `json:"downstream_remote_address"`
	// ServerName is what the client asked for in TLS.
	ServerName string `json:"requested_server_name"`
	RouteName  string `json:"route_name"`
	// Status is what the client got; 0 if it went away first.
	Status int `json:"response_code"`
	// Details says who made the answer: "via_upstream", "direct_response", ...
	Details string `json:"response_code_details"`
	// ResponseFlags are Envoy's, separated by commas, such as "UT" or "URX,UF";
	// empty if there are none.
	ResponseFlags string `json:"response_flags"`
	// Milliseconds is the time from the request's first byte to the answer's last.
	Milliseconds int `json:"duration"`
	// UpstreamCluster is the cluster's name without a trailing ";".
	UpstreamCluster string `json:"upstream_cluster"`
	// UpstreamHost is the "<address>:<port>" of the last attempt.
	UpstreamHost string `json:"upstream_host"`
	// Attempts counts the requests sent upstream, the first one included; 0 if
	// none was.
	Attempts int `json:"upstream_request_attempt_count"`
	// UpstreamFailure says why a connection to the upstream failed.
	UpstreamFailure string `json:"upstream_transport_failure_reason"`
}

// ParseAccessLog reads one line of a proxy's log, in that format or in one of Istio's
// own. A line of the proxy's own log that is not an access log entry is an error.
func ParseAccessLog(line string) (AccessLog, error) {
	if strings.HasPrefix(line, "[") {
		return parseText(line)
	}
	var entry AccessLog
	if err := json.Unmarshal([]byte(line), &entry); err != nil {
		return AccessLog{}, fmt.Errorf("access log entry: %w", err)
	}
	if entry.StartTime.IsZero() {
		return AccessLog{}, errors.New("access log entry: no start_time: another log's line, or meshConfig.accessLogFormat is not this project's")
	}
	if entry.ResponseFlags == "-" {
		entry.ResponseFlags = ""
	}
	entry.UpstreamCluster = strings.TrimSuffix(entry.UpstreamCluster, ";")
	return entry, nil
}
