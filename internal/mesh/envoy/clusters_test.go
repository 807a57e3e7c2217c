package envoy

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

const backend = "outbound|80||backend.conformance.svc.cluster.local"

// sample reads what a real Envoy 1.40.0 answered.
func sample(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parseSample(t *testing.T) []Cluster {
	t.Helper()
	clusters, err := ParseClusters(sample(t, "clusters.json"))
	if err != nil {
		t.Fatal(err)
	}
	return clusters
}

func TestParseClusters(t *testing.T) {
	clusters := parseSample(t)
	if len(clusters) != 2 || clusters[0].Name != backend || clusters[1].Name != "sds-grpc" {
		t.Fatalf("got clusters %+v", clusters)
	}
	want := []Host{
		{Address: "127.0.0.1", Port: 19903, Weight: 3, Unhealthy: []string{"failed_outlier_check"}},
		{Address: "127.0.0.1", Port: 19904, Weight: 1, Unhealthy: []string{"eds_unhealthy"}},
	}
	got := clusters[0].Hosts
	if len(got) != len(want) {
		t.Fatalf("%d hosts, want %d", len(got), len(want))
	}
	stats := []map[string]uint64{
		{"cx_connect_fail": 5, "cx_total": 6, "rq_error": 5, "rq_success": 1, "rq_timeout": 0, "rq_total": 1, "cx_active": 0, "rq_active": 0, "rq_pending_active": 0},
		{"cx_connect_fail": 1, "cx_total": 1, "rq_error": 1, "rq_success": 0, "rq_timeout": 0, "rq_total": 0, "cx_active": 0, "rq_active": 0, "rq_pending_active": 0},
	}
	for i := range want {
		want[i].Stats = stats[i]
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("host %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
	pipe := clusters[1].Hosts[0]
	if pipe.String() != "./var/run/secrets/workload-spiffe-uds/socket" || pipe.Unhealthy != nil {
		t.Errorf("host of a Unix socket: got %+v", pipe)
	}
}

func TestEndpoints(t *testing.T) {
	clusters := parseSample(t)
	cases := []struct {
		name  string
		found bool
		hosts []string
	}{
		{backend, true, []string{"127.0.0.1:19903", "127.0.0.1:19904"}},
		{backend + ";", true, []string{"127.0.0.1:19903", "127.0.0.1:19904"}},
		{"outbound|80|v1|backend.conformance.svc.cluster.local", false, nil},
		{"outbound|80||backend.conformance.svc.cluster", false, nil},
		{"", false, nil},
	}
	for _, c := range cases {
		if _, found := Endpoints(clusters, c.name); found != c.found {
			t.Errorf("%q: found %t, want %t", c.name, found, c.found)
		}
		if got := Addresses(clusters, c.name); !reflect.DeepEqual(got, c.hosts) {
			t.Errorf("%q: got %v, want %v", c.name, got, c.hosts)
		}
	}
}

func TestHostString(t *testing.T) {
	if got := (Host{Address: "fd00::1", Port: 8080}).String(); got != "[fd00::1]:8080" {
		t.Errorf("got %s", got)
	}
}

func TestParseClustersRefuses(t *testing.T) {
	for _, data := range []string{"", "backend::127.0.0.1:80::cx_active::0", `{"cluster_statuses":{}}`} {
		if got, err := ParseClusters([]byte(data)); err == nil {
			t.Errorf("%q: got %v, want an error", data, got)
		}
	}
}
