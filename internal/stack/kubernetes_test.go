package stack

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/client-go/rest"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
)

// onServer is the builder of a stack that planned Kubernetes v1.36.4, on an API server of a version.
func onServer(t *testing.T, version string) *Builder {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"gitVersion":%q}`, version)
	}))
	t.Cleanup(server.Close)
	clients, err := cluster.NewClients(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{})
	s.Cell = istio.Resolved{Pair: istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.4"}}
	s.Images = &images.Set{Node: "registry.example/node:new"}
	s.Cluster = &cluster.Cluster{Clients: clients, Name: "c"}
	return s
}

func TestTheVersionIsTheServers(t *testing.T) {
	for version, test := range map[string]struct {
		force   bool
		warning string
		err     string
	}{
		"v1.36.4":              {},
		"v1.36.3":              {warning: "the API server is Kubernetes v1.36.3, not v1.36.4 as planned: the node image registry.example/node:new brings it"},
		"v1.36.4-rc.0.5+abcde": {warning: "the API server is Kubernetes v1.36.4-rc.0.5+abcde, not v1.36.4 as planned"},
		"v1.20.1":              {warning: "v1.20.1", err: "the node image registry.example/node:new brings Kubernetes v1.20.1: Istio 1.31.0 on Kubernetes v1.20.1: Istio 1.31 supports Kubernetes 1.32 to 1.36"},
		"v1.20.2":              {warning: "v1.20.2", force: true},
	} {
		t.Run(version, func(t *testing.T) {
			s := onServer(t, version)
			s.config.Force = test.force
			err := s.observeKubernetes(t.Context())
			if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("got %v, want %q", err, test.err)
			}
			if err != nil && exitcode.Of(err) != exitcode.Environment {
				t.Errorf("status %d", exitcode.Of(err))
			}
			var e report.Environment
			s.describe(&e)
			if e.Kubernetes != version {
				t.Errorf("the report says %s, the server %s", e.Kubernetes, version)
			}
			if want := test.warning != ""; want != (e.KubernetesAsked == "v1.36.4") || want != (len(s.warnings) >= 1) {
				t.Fatalf("asked for %q, warnings %q", e.KubernetesAsked, s.warnings)
			}
			if test.warning != "" && !strings.Contains(s.warnings[0], test.warning) {
				t.Errorf("warning %q, want %q", s.warnings[0], test.warning)
			}
			if unsupported := test.force; unsupported != (len(s.warnings) == 2) {
				t.Errorf("warnings %q, want one more for what is forced", s.warnings)
			}
		})
	}
}
