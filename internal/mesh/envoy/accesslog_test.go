package envoy

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
)

func TestParseAccessLog(t *testing.T) {
	const details = "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}"
	want := []AccessLog{
		{Path: "/?a=1", Status: 200, Details: "via_upstream", RouteName: "main", Milliseconds: 3,
			UpstreamCluster: backend, UpstreamHost: "127.0.0.1:19903", Attempts: 1},
		{Path: "/direct", Status: 418, Details: "direct_response", RouteName: "direct"},
		{Path: "/nr", Status: 503, Details: "cluster_not_found", RouteName: "missing", ResponseFlags: "NC"},
		{Path: "/x", Status: 503, Details: details, RouteName: "main", ResponseFlags: "URX,UF", Milliseconds: 24,
			UpstreamCluster: backend, UpstreamHost: "127.0.0.1:19903", Attempts: 3, UpstreamFailure: "delayed_connect_error:_Connection_refused"},
	}
	lines := strings.Split(strings.TrimSpace(string(sample(t, "access.log"))), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, line := range lines {
		got, err := ParseAccessLog(line)
		if err != nil {
			t.Fatal(err)
		}
		if got.StartTime.Year() != 2026 || len(got.RequestID) != 36 {
			t.Errorf("%s: start time %s, request id %q", line, got.StartTime, got.RequestID)
		}
		got.StartTime, got.RequestID = time.Time{}, ""
		want[i].Method, want[i].Authority, want[i].Protocol = "GET", "127.0.0.1:19902", "HTTP/1.1"
		if got != want[i] {
			t.Errorf("%s:\ngot  %+v\nwant %+v", line, got, want[i])
		}
	}
}

func TestParseAccessLogRefuses(t *testing.T) {
	for _, line := range []string{
		"",
		"2026-11-24T02:39:24.808000Z\tinfo\tReadiness succeeded in 1.2s",
		`[2026-11-24T02:39:24.808Z] "GET / HTTP/1.1" 200 - via_upstream`,
		`{"level":"info","msg":"Envoy proxy is ready"}`,
	} {
		if got, err := ParseAccessLog(line); err == nil {
			t.Errorf("%q: got %+v, want an error", line, got)
		}
	}
}

// The struct and the format that istiod is installed with must have the same keys.
func TestAccessLogIsTheFormat(t *testing.T) {
	data, err := fixtures.Files.ReadFile("values/istiod.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values struct {
		MeshConfig struct {
			AccessLogFormat string `json:"accessLogFormat"`
		} `json:"meshConfig"`
	}
	if err := yaml.Unmarshal(data, &values); err != nil {
		t.Fatal(err)
	}
	var format map[string]string
	if err := json.Unmarshal([]byte(values.MeshConfig.AccessLogFormat), &format); err != nil {
		t.Fatalf("accessLogFormat: %v", err)
	}
	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[AccessLog]()) {
		fields = append(fields, f.Tag.Get("json"))
	}
	slices.Sort(fields)
	if keys := slices.Sorted(maps.Keys(format)); !slices.Equal(keys, fields) {
		t.Errorf("keys of the format %v\nfields of AccessLog %v", keys, fields)
	}
}
