package envoy

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// LogFormat is what a listener writes of each request.
type LogFormat struct {
	// Written says that it writes access logs to standard output at all, Readable that
	// ParseAccessLog knows the format, and Attempts that this counts the attempts.
	Written, Readable, Attempts bool
}

// istioText is Istio's own format, in one line that ends with a newline.
// https://istio.io/latest/docs/tasks/observability/logs/access-log/#default-access-log-format
const istioText = `[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% ` +
	`"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" ` +
	`"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"`

// istioFields are the keys of Istio's JSON format that the checks read.
var istioFields = []string{"start_time", "method", "authority", "path", "response_code", "response_code_details", "response_flags", "upstream_cluster", "upstream_host", "route_name"}

// ParseLogFormat reads from the answer of GET /config_dump?resource=dynamic_listeners
// what the listener at a port writes.
func ParseLogFormat(data []byte, port int) (LogFormat, error) {
	var dump struct {
		Configs []struct {
			Active *struct {
				Listener json.RawMessage `json:"listener"`
			} `json:"active_state"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(data, &dump); err != nil {
		return LogFormat{}, fmt.Errorf("envoy's listeners: %w", err)
	}
	for _, c := range dump.Configs {
		if c.Active == nil {
			continue
		}
		var listener struct {
			Address struct {
				Socket struct {
					Port int `json:"port_value"`
				} `json:"socket_address"`
			} `json:"address"`
			Chains  any `json:"filter_chains"`
			Default any `json:"default_filter_chain"`
		}
		if err := json.Unmarshal(c.Active.Listener, &listener); err != nil {
			return LogFormat{}, fmt.Errorf("envoy's listeners: %w", err)
		}
		if listener.Address.Socket.Port == port {
			return formatIn([]any{listener.Chains, listener.Default}), nil
		}
	}
	return LogFormat{}, fmt.Errorf("envoy has no listener in use at port %d", port)
}

// formatIn looks for a logger that writes to a file, at any depth.
func formatIn(node any) LogFormat {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			if f := formatIn(item); f.Written {
				return f
			}
		}
	case map[string]any:
		if kind, _ := node["@type"].(string); strings.HasSuffix(kind, ".FileAccessLog") {
			format, _ := node["log_format"].(map[string]any)
			return judgeFormat(format)
		}
		for _, item := range node {
			if f := formatIn(item); f.Written {
				return f
			}
		}
	}
	return LogFormat{}
}

func judgeFormat(format map[string]any) LogFormat {
	f := LogFormat{Written: true}
	if keys, isJSON := format["json_format"].(map[string]any); isJSON {
		f.Readable = true
		for _, key := range istioFields {
			if _, there := keys[key]; !there {
				f.Readable = false
			}
		}
		_, f.Attempts = keys["upstream_request_attempt_count"]
		return f
	}
	source, _ := format["text_format_source"].(map[string]any)
	text, _ := source["inline_string"].(string)
	f.Readable = strings.HasPrefix(text, istioText)
	return f
}

// textEntry takes a line of istioText apart.
var textEntry = regexp.MustCompile(`^\[(\S+)\] "(\S+) (\S+) (\S+)" (\d+) (\S+) (\S+) (\S+) "(.*?)" \d+ \d+ (\d+) \S+ "[^"]*" "[^"]*" "([^"]*)" "([^"]*)" "([^"]*)" (\S+) \S+ \S+ (\S+) (\S+) (\S+)`)

// parseText reads a line in Istio's text format, which does not count attempts.
func parseText(line string) (AccessLog, error) {
	f := textEntry.FindStringSubmatch(line)
	if f == nil {
		return AccessLog{}, fmt.Errorf("access log entry: neither JSON nor Istio's text format: %q", line)
	}
	started, err := time.Parse(time.RFC3339, f[1])
	if err != nil {
		return AccessLog{}, fmt.Errorf("access log entry: %w", err)
	}
	for i := range f {
		if f[i] == "-" {
			f[i] = ""
		}
	}
	// The expression lets only digits in.
	status, _ := strconv.Atoi(f[5])
	took, _ := strconv.Atoi(f[10])
	return AccessLog{
		StartTime: started, Method: f[2], Path: f[3], Protocol: f[4], Status: status, ResponseFlags: f[6], Details: f[7], UpstreamFailure: f[9], Milliseconds: took,
		RequestID: f[11], Authority: f[12], UpstreamHost: f[13], UpstreamCluster: strings.TrimSuffix(f[14], ";"), RemoteAddress: f[15], ServerName: f[16], RouteName: f[17],
	}, nil
}
