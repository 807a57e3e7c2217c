package config

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/images/gatewaycrds"
	"istio-conformance/internal/images/modules"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/project"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/planes"
	"istio-conformance/internal/rehearse/stage"
)

// planesVariable switches on what starts control planes, which are compiled from modules.
const planesVariable = "ISTIO_CONFORMANCE_PLANES"

// side is a version with what it is made of.
func side(t *testing.T, version string, mesh *capture.Mesh) Side {
	t.Helper()
	g := gomega.NewWithT(t)
	root, err := project.Root()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	cache, err := project.CacheDir(os.Getenv)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	source := modules.New(modules.Options{Root: root, CacheDir: cache, Logf: t.Logf})
	cell := istio.Pair{Istio: version, Kubernetes: "v1.36.3"}
	s := Side{Mesh: mesh}
	s.Version, err = istio.ParseVersion(version)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	s.Charts, err = source.Charts(t.Context(), cell, t.TempDir())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	s.Programs, err = source.Programs(t.Context(), cell)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return s
}

// rehearsal is one that is about to begin.
func rehearsal(t *testing.T, from, to Side) *Rehearsal {
	t.Helper()
	root, err := project.Root()
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	crds, _, err := gatewaycrds.CRDs(t.Context(), root, gatewaycrds.Standard)
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return &Rehearsal{From: from, To: to, Kubernetes: "v1.36.3", GatewayAPI: crds, Dir: t.TempDir(), Logf: t.Logf, report: &finding.Report{}}
}

// captured is the mesh of a folder in which one text is replaced.
func captured(t *testing.T, folder, old, new string) *capture.Mesh {
	t.Helper()
	g := gomega.NewWithT(t)
	dir, replaced := t.TempDir(), 0
	files, err := filepath.Glob(filepath.Join("testdata", folder, "*.yaml"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, file := range files {
		content, err := os.ReadFile(file)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		if old != "" {
			replaced += strings.Count(string(content), old)
			content = []byte(strings.Replace(string(content), old, new, 1))
		}
		g.Expect(os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600)).To(gomega.Succeed())
	}
	if old != "" {
		g.Expect(replaced).To(gomega.Equal(1), "%q is there once", old)
	}
	m, err := capture.FromFolder(dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return m
}

// planted are changes of one thing, each with the object that must be named.
var planted = []struct{ name, old, new, object string }{
	{"a timeout", "timeout: 4s", "timeout: 9s", "VirtualService shop/outside"},
	{"a rewrite", "rewrite: {uri: /}", "rewrite: {uri: /v2/}", "VirtualService shop/outside"},
	{"a redirect", "redirect: {uri: /new}", "redirect: {uri: /newer}", "VirtualService shop/outside"},
	{"an origin", `exact: "https://shop.example"`, `exact: "https://other.example"`, "VirtualService shop/outside"},
	{"a header", "x-served-by: shop", "x-served-by: us", "VirtualService shop/outside"},
	{"a host of a route", "hosts: [shop.example]\n  gateways", "hosts: [shops.example]\n  gateways", "VirtualService shop/outside"},
	{"a match", "exact: /old", "exact: /older", "VirtualService shop/outside"},
	{"a weight", "weight: 90\n    - destination: {host: stock, subset: v2}\n      weight: 10", "weight: 80\n    - destination: {host: stock, subset: v2}\n      weight: 20", "VirtualService shop/stock"},
	{"retries", "attempts: 3", "attempts: 1", "VirtualService shop/stock"},
	{"a mirror", "mirrorPercentage: {value: 5}", "mirrorPercentage: {value: 50}", "VirtualService shop/stock"},
	{"a fault", "fixedDelay: 2s", "fixedDelay: 3s", "VirtualService shop/stock"},
	{"a header match", "exact: tester", "exact: developer", "VirtualService shop/stock"},
	{"a subset's labels", "{name: v1, labels: {version: v1}}", "{name: v1, labels: {version: v0}}", "DestinationRule shop/stock"},
	{"a subset", "{name: v1, labels: {version: v1}}", "{name: one, labels: {version: v1}}", "DestinationRule shop/stock"},
	{"a limit", "http1MaxPendingRequests: 50", "http1MaxPendingRequests: 51", "DestinationRule shop/stock"},
	{"outlier detection", "consecutive5xxErrors: 5", "consecutive5xxErrors: 7", "DestinationRule shop/stock"},
	{"load balancing", "simple: LEAST_REQUEST", "simple: ROUND_ROBIN", "DestinationRule shop/stock"},
	{"a hash", "httpHeaderName: x-session", "httpHeaderName: x-user", "DestinationRule back/audit"},
	{"an external host", "hosts: [pay.example]", "hosts: [paid.example]", "ServiceEntry shop/pay"},
	{"an external port", "number: 443, name: tls, protocol: TLS", "number: 8443, name: tls, protocol: TLS", "ServiceEntry shop/pay"},
	{"what a sidecar knows", `hosts: ["./*", "istio-system/*"]`, `hosts: ["./*", "istio-system/*", "shop/*"]`, "Sidecar back/default"},
	{"a filter", "'x-edge', '1'", "'x-edge', '2'", "EnvoyFilter edge/limit"},
	{"a filter that matches no more", "subFilter: {name: envoy.filters.http.router}", "subFilter: {name: envoy.filters.http.gone}", "EnvoyFilter edge/limit"},
	{"a caller", "sa/web]", "sa/audit]", "AuthorizationPolicy shop/stock-callers"},
	{"a method", "methods: [GET]", "methods: [GET, POST]", "AuthorizationPolicy shop/stock-callers"},
	{"a denied path", "paths: [/admin*]", "paths: [/root*]", "AuthorizationPolicy edge/deny-admin"},
	{"mutual TLS", "mode: STRICT", "mode: PERMISSIVE", "PeerAuthentication back/default"},
	{"an issuer", "issuer: https://issuer.example", "issuer: https://other.example", "RequestAuthentication edge/tokens"},
	{"an access log", "providers: [{name: envoy}]", "disabled: true, providers: [{name: envoy}]", "Telemetry back/access"},
	{"a certificate", "credentialName: shop-certificate", "credentialName: other-certificate", "Gateway edge/shop"},
	{"a gateway's host", "protocol: HTTPS}\n    hosts: [shop.example]", "protocol: HTTPS}\n    hosts: [www.shop.example]", "Gateway edge/shop"},
	{"a timeout of the Gateway API", "request: 3s", "request: 5s", "HTTPRoute shop/public"},
	{"a path of the Gateway API", "value: /stock", "value: /stocks", "HTTPRoute shop/public"},
	{"a port of a Service", "ports: [{name: grpc, port: 9000}]", "ports: [{name: grpc, port: 9000}, {name: http-more, port: 9001}]", "Service back/audit"},
}

// TestEachPlantedChangeIsNamedByOneObject changes one object after the other below a
// running istiod, and wants exactly that one to be named.
func TestEachPlantedChangeIsNamedByOneObject(t *testing.T) {
	if os.Getenv(planesVariable) != "1" {
		t.Skipf("control planes are started with %s=1: make test-rehearse", planesVariable)
	}
	g := gomega.NewWithT(t)
	base := captured(t, "shop", "", "")
	// With its cache istiod went on sending, once in 34 changes, what it had made while the
	// change came in. A rehearsal starts an istiod anew for each side.
	base.Releases = append(base.Releases, &capture.Release{Name: "istiod", Namespace: "istio-system", Chart: "istiod",
		Values: map[string]any{"pilot": map[string]any{"env": map[string]any{"PILOT_ENABLE_XDS_CACHE": "false"}}}})
	from := side(t, "1.31.0", base)
	r := rehearsal(t, from, from)
	api, err := r.api(t.Context(), "from", &r.From)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer api.Stop()
	staged, refused, err := r.set(t.Context(), api, &r.From)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(refused).To(gomega.BeEmpty())
	istiod, err := planes.StartIstiod(t.Context(), from.Programs.Istiod, "1.31.0", filepath.Join(r.Dir, "istiod"), api, r.release(&r.From), r.Kubernetes)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer istiod.Stop()
	first, err := ask(t.Context(), istiod, staged.Proxies)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	before := &answers{sent: first, stage: staged}
	c, err := client.New(api.Config, client.Options{})
	g.Expect(err).NotTo(gomega.HaveOccurred())

	findings := func(mesh *capture.Mesh) []finding.Finding {
		sent, err := ask(t.Context(), istiod, staged.Proxies)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		r.To = Side{Mesh: mesh, Version: from.Version}
		r.report = &finding.Report{}
		r.compare(before, &answers{sent: sent, stage: staged})
		return r.report.Findings
	}
	g.Expect(findings(base)).To(gomega.BeEmpty(), "nothing was changed")
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			mesh := captured(t, "shop", p.old, p.new)
			changed, err := stage.Build(mesh)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(change(t.Context(), c, staged, changed)).To(gomega.Succeed())
			found := settled(t, func() []finding.Finding { return findings(mesh) }, func(f []finding.Finding) bool { return len(f) > 0 })
			for _, f := range found {
				g.Expect(f.Object).To(gomega.Equal(p.object), "%s: %s, before %s, after %s", f.Field, f.Why, f.Before, f.After)
			}
			t.Logf("%d differences, the first: %s: %s -> %s", len(found), found[0].Field, found[0].Before, found[0].After)
			g.Expect(change(t.Context(), c, changed, staged)).To(gomega.Succeed())
			settled(t, func() []finding.Finding { return findings(base) }, func(f []finding.Finding) bool { return len(f) == 0 })
		})
	}
}

// settled asks until the answer is wanted and the same twice.
func settled(t *testing.T, ask func() []finding.Finding, wanted func([]finding.Finding) bool) []finding.Finding {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	var last []finding.Finding
	for time.Now().Before(deadline) {
		found := ask()
		if wanted(found) && reflect.DeepEqual(found, last) {
			return found
		}
		last = found
	}
	t.Fatalf("what istiod sends did not settle within 30s; last: %+v", last)
	return nil
}

// change writes what differs between two stages.
func change(ctx context.Context, c client.Client, from, to *stage.Stage) error {
	all := func(s *stage.Stage) []*unstructured.Unstructured {
		return slices.Concat(s.Services, s.Endpoints, s.Configuration)
	}
	key := func(o *unstructured.Unstructured) string {
		return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName()
	}
	old := map[string]*unstructured.Unstructured{}
	for _, o := range all(from) {
		old[key(o)] = o
	}
	for _, o := range all(to) {
		if reflect.DeepEqual(old[key(o)], o) {
			continue
		}
		sent := o.DeepCopy()
		if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(sent), client.FieldOwner("istio-conformance-rehearsal"), client.ForceOwnership); err != nil {
			return fmt.Errorf("%s: %w", key(o), err)
		}
	}
	return nil
}

// TestKnownChangesAreFound rehearses 1.30 to 1.31 with a mesh that meets what is known to
// change, and one that meets the one change that every mesh meets.
func TestKnownChangesAreFound(t *testing.T) {
	if os.Getenv(planesVariable) != "1" {
		t.Skipf("control planes are started with %s=1: make test-rehearse", planesVariable)
	}
	for folder, want := range map[string][]string{
		"known": {"60690.yaml", "60787.yaml", "strict-gateway-merging.yaml"},
		"shop":  {"60690.yaml"},
	} {
		t.Run(folder, func(t *testing.T) {
			g := gomega.NewWithT(t)
			mesh := captured(t, folder, "", "")
			began := time.Now()
			report, err := rehearsal(t, side(t, "1.30.0", mesh), side(t, "1.31.0", mesh)).Run(t.Context())
			g.Expect(err).NotTo(gomega.HaveOccurred())
			var notes []string
			for _, f := range report.Findings {
				t.Logf("%s %s %s: %s: %s -> %s (%s)", f.Level, f.Object, f.Field, f.Why, f.Before, f.After, f.Link)
				g.Expect(f.Explained).NotTo(gomega.Equal("unexplained"), f.Why)
				if name := filepath.Base(f.Link); f.Link != "" && !slices.Contains(notes, name) {
					notes = append(notes, name)
				}
			}
			g.Expect(notes).To(gomega.ConsistOf(want))
			if folder == "known" {
				g.Expect(report.Findings).To(gomega.ContainElement(gomega.And(gomega.HaveField("Object", "HTTPRoute shop/empty"), gomega.HaveField("Before", "404"), gomega.HaveField("After", "500"))))
				g.Expect(report.Findings).To(gomega.ContainElement(gomega.And(gomega.HaveField("Object", "Gateway other/guest"), gomega.HaveField("Rule", "listener"))))
			}
			t.Logf("rehearsed in %s", time.Since(began).Round(time.Second))
		})
	}
}
