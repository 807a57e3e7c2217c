package envoy

import (
	"fmt"
	"testing"

	"github.com/onsi/gomega"
)

// listenerWith is a listener at port 8080 whose access log has a format.
func listenerWith(accessLog string) string {
	return fmt.Sprintf(`{"configs":[{"name":"0.0.0.0_8080","active_state":{"listener":{"address":{"socket_address":{"port_value":8080}},
		"filter_chains":[{"filters":[{"name":"envoy.filters.network.http_connection_manager","typed_config":{"access_log":[%s]}}]}]}}}]}`, accessLog)
}

func TestLogFormat(t *testing.T) {
	file := func(format string) string {
		return `{"name":"envoy.access_loggers.file","typed_config":{"@type":"type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog","path":"/dev/stdout","log_format":` + format + `}}`
	}
	json := `{"json_format":{"start_time":"","method":"","authority":"","path":"","response_code":"","response_code_details":"","response_flags":"","upstream_cluster":"","upstream_host":"","route_name":""%s}}`
	for name, c := range map[string]struct {
		log  string
		want LogFormat
	}{
		"none":                {"", LogFormat{}},
		"Istio's text":        {file(`{"text_format_source":{"inline_string":` + fmt.Sprintf("%q", istioText+" %UPSTREAM_CLUSTER_RAW%\n") + `}}`), LogFormat{Written: true, Readable: true}},
		"Istio's JSON":        {file(fmt.Sprintf(json, "")), LogFormat{Written: true, Readable: true}},
		"the harness's JSON":  {file(fmt.Sprintf(json, `,"upstream_request_attempt_count":""`)), LogFormat{Written: true, Readable: true, Attempts: true}},
		"a format of its own": {file(`{"text_format_source":{"inline_string":"%PROTOCOL%"}}`), LogFormat{Written: true}},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			got, err := ParseLogFormat([]byte(listenerWith(c.log)), 8080)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(got).To(gomega.Equal(c.want))
		})
	}
	_, err := ParseLogFormat([]byte(listenerWith("")), 80)
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring("no listener in use at port 80")))
}

func TestParseText(t *testing.T) {
	g := gomega.NewWithT(t)
	entry, err := ParseAccessLog(`[2026-11-30T19:00:00.123Z] "GET /x?id=abc HTTP/1.1" 503 UF upstream_reset_before_response_started{connection_termination} - "delayed connect error: 111" 0 91 3 - "10.0.0.1" "Go-http-client/1.1" "e7b6" "h.test" "10.244.0.9:8080" outbound|80||backend.ns.svc.cluster.local; - 10.244.0.5:80 10.0.0.1:5555 - plain-x`)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(entry.StartTime.IsZero()).To(gomega.BeFalse())
	entry.StartTime = entry.StartTime.Truncate(0)
	g.Expect([]any{entry.Path, entry.Status, entry.ResponseFlags, entry.UpstreamHost, entry.UpstreamCluster, entry.Authority, entry.RouteName, entry.ServerName}).To(gomega.Equal(
		[]any{"/x?id=abc", 503, "UF", "10.244.0.9:8080", "outbound|80||backend.ns.svc.cluster.local", "h.test", "plain-x", ""}))
	_, err = ParseAccessLog("2026-11-30T19:00:00Z\tinfo\tenvoy main\tstarting")
	g.Expect(err).To(gomega.HaveOccurred())
}
