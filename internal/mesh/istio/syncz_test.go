package istio

import (
	"strings"
	"testing"
)

// In the form of Istio 1.31's pilot/pkg/xds/debug.go.
const syncz = `[
 {"cluster_id":"Kubernetes","proxy":"istio-ingressgateway-6d9.v1.istio-ingress","proxy_type":"router","istio_version":"1.31.0",
  "cluster_sent":"c1","cluster_acked":"c1","listener_sent":"l1","listener_acked":"l1",
  "resources":{
   "type.googleapis.com/envoy.config.cluster.v3.Cluster":{"sent":"c1","acked":"c1","sentTime":"2026-11-24T02:39:24.808Z"},
   "type.googleapis.com/envoy.config.listener.v3.Listener":{"sent":"l1","acked":"l1","sentTime":"2026-11-24T02:39:24.808Z"},
   "type.googleapis.com/envoy.config.route.v3.RouteConfiguration":{"sentTime":"0001-01-01T00:00:00Z"}}},
 {"proxy":"backend-1.conformance","proxy_type":"sidecar","istio_version":"1.31.0",
  "resources":{
   "type.googleapis.com/envoy.config.cluster.v3.Cluster":{"sent":"c2","acked":"c1"},
   "type.googleapis.com/envoy.config.listener.v3.Listener":{"sent":"l2","acked":"l1","lastError":"no such filter"}}},
 {"proxy":"backend-2.conformance","proxy_type":"sidecar","istio_version":"1.31.0","resources":{}},
 {"proxy":"ztunnel-x.istio-system","proxy_type":"ztunnel","resources":{
   "type.googleapis.com/istio.workload.Address":{"sent":"a1","acked":"a1"}}},
 {"proxy":"old-1.conformance","istio_version":"1.18.2","cluster_sent":"c1","cluster_acked":"c1","listener_sent":"l1","listener_acked":"l1"},
 {"proxy":"old-2.conformance","istio_version":"1.18.2","cluster_sent":"c1","cluster_acked":"c1","listener_sent":"l1","listener_acked":"l1","route_sent":"r1"},
 {"proxy":"old-3.conformance","istio_version":"1.18.2"}
]`

func TestParseSyncz(t *testing.T) {
	proxies, err := ParseSyncz([]byte(syncz))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		id, namespace, version string
		unsynced               []string
	}{
		{"istio-ingressgateway-6d9.v1.istio-ingress", "istio-ingress", "1.31.0", nil},
		{"backend-1.conformance", "conformance", "1.31.0", []string{`Cluster: stale: sent "c2", accepted "c1"`, "Listener: refused by the proxy: no such filter"}},
		{"backend-2.conformance", "conformance", "1.31.0", []string{"Cluster: not sent", "Listener: not sent"}},
		{"ztunnel-x.istio-system", "istio-system", "", nil},
		{"old-1.conformance", "conformance", "1.18.2", nil},
		{"old-2.conformance", "conformance", "1.18.2", []string{`RouteConfiguration: stale: sent "r1", accepted ""`}},
		{"old-3.conformance", "conformance", "1.18.2", []string{"Cluster: not sent", "Listener: not sent"}},
	}
	if len(proxies) != len(cases) {
		t.Fatalf("%d proxies, want %d", len(proxies), len(cases))
	}
	for i, c := range cases {
		p := proxies[i]
		if p.ID != c.id || p.Namespace() != c.namespace || p.IstioVersion != c.version {
			t.Errorf("proxy %d: got %s in %s at %s, want %+v", i, p.ID, p.Namespace(), p.IstioVersion, c)
		}
		got := p.Unsynced()
		if len(got) != len(c.unsynced) || p.Synced() != (len(c.unsynced) == 0) {
			t.Errorf("%s: unsynced %q, synced %t; want %q", c.id, got, p.Synced(), c.unsynced)
			continue
		}
		for j, want := range c.unsynced {
			if !strings.HasSuffix(got[j], want) {
				t.Errorf("%s: got %q, want it to end in %q", c.id, got[j], want)
			}
		}
	}
}

func TestParseSynczRefuses(t *testing.T) {
	for _, data := range []string{"", "not found", `{"totalClients":1}`, `[{"istio_version":"1.31.0"}]`} {
		if got, err := ParseSyncz([]byte(data)); err == nil {
			t.Errorf("%q: got %v, want an error", data, got)
		}
	}
}

func TestUnversioned(t *testing.T) {
	for _, c := range []struct {
		proxy ProxyStatus
		want  bool
	}{
		{ProxyStatus{Type: "ztunnel"}, true},
		{ProxyStatus{Type: "ztunnel", IstioVersion: "unknown"}, true},
		{ProxyStatus{Type: "ztunnel", IstioVersion: "1.31.0"}, false},
		{ProxyStatus{Type: "sidecar"}, false},
		{ProxyStatus{Type: "router", IstioVersion: "unknown"}, false},
	} {
		if got := c.proxy.Unversioned(); got != c.want {
			t.Errorf("%+v: got %t", c.proxy, got)
		}
	}
}
