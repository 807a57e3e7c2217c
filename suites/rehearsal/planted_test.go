package rehearsal

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/report/record"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
)

// clusterVariable is set to 1 where a cluster may be made.
const clusterVariable = "ISTIO_CONFORMANCE_REHEARSAL"

// shop is the mesh of testdata/shop, in which texts are replaced.
func shop(t *testing.T, texts ...[2]string) *capture.Mesh {
	t.Helper()
	g := gomega.NewWithT(t)
	dir, found := t.TempDir(), map[[2]string]int{}
	files, err := filepath.Glob("testdata/shop/*.yaml")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, file := range files {
		content, err := os.ReadFile(file)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		text := string(content)
		for _, of := range texts {
			found[of] += strings.Count(text, of[0])
			text = strings.Replace(text, of[0], of[1], 1)
		}
		g.Expect(os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(text), 0o600)).To(gomega.Succeed())
	}
	for _, of := range texts {
		g.Expect(found[of]).To(gomega.Equal(1), "%q is there once", of[0])
	}
	m, err := capture.FromFolder(dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return m
}

const (
	itemsRoute = `  - name: items
    match: [{uri: {prefix: /api/items}}]
    rewrite: {uri: /items}
    timeout: 1s
    route: [{destination: {host: stock, port: {number: 8000}, subset: v1}}]
`
	apiRoute = `  - name: api
    match: [{uri: {prefix: /api/}}]
    retries: {attempts: 3, retryOn: 5xx}
    route: [{destination: {host: stock, port: {number: 8000}, subset: v2}}]
`
)

// planted are changes of one thing, each with the object that must be named.
var planted = []struct{ name, old, new, object string }{
	{"the order of routes", itemsRoute + apiRoute, apiRoute + itemsRoute, "VirtualService shop/outside"},
	{"a host", "hosts: [shop.example]\n  gateways", "hosts: [shops.example]\n  gateways", "VirtualService shop/outside"},
	{"a subset", "{name: v1, labels: {version: v1}}", "{name: v1, labels: {version: v2}}", "DestinationRule shop/stock"},
	{"a time-out", "timeout: 1s", "timeout: 4s", "VirtualService shop/outside"},
	{"retries", "attempts: 3", "attempts: 1", "VirtualService shop/outside"},
	{"a denied method", "methods: [DELETE]", "methods: [GET]", "AuthorizationPolicy shop/web"},
	{"a denied caller", "namespaces: [rehearsal-client]", "namespaces: [shop]", "AuthorizationPolicy shop/stock"},
	{"mutual TLS", "mode: STRICT", "mode: PERMISSIVE", "PeerAuthentication shop/stock"},
	{"who needs a token", "selector: {matchLabels: {app: web}}\n  jwtRules", "selector: {matchLabels: {app: none}}\n  jwtRules", "RequestAuthentication shop/web"},
	{"a rewrite", "rewrite: {uri: /items}", "rewrite: {uri: /v2/items}", "VirtualService shop/outside"},
	{"a redirect", "redirect: {uri: /new}", "redirect: {uri: /newer}", "VirtualService shop/outside"},
	{"a fault", "httpStatus: 418", "httpStatus: 503", "VirtualService shop/outside"},
	{"an expression", `/broken/[0-9]+"`, `/broken/[a-z]+"`, "VirtualService shop/outside"},
	{"a header of the answer", "x-served-by: shop", "x-served-by: us", "VirtualService shop/outside"},
	{"an origin", `exact: "https://shop.example"`, `exact: "https://other.example"`, "VirtualService shop/outside"},
	{"a header that is matched", "exact: tester", "exact: developer", "VirtualService shop/stock"},
	{"weights", "subset: v1}, weight: 90}\n    - {destination: {host: stock, subset: v2}, weight: 10}", "subset: v1}, weight: 20}\n    - {destination: {host: stock, subset: v2}, weight: 80}", "VirtualService shop/stock"},
	{"a gateway's host", `hosts: ["*.example"]`, `hosts: ["www.example"]`, "Gateway shop/public"},
	{"a path of the Gateway API", "value: /stock", "value: /stocks", "HTTPRoute shop/public"},
	{"a method of gRPC", "prefix: /bank.Accounts/", "prefix: /bank.Savings/", "VirtualService shop/bank"},
	{"retries of gRPC", "retries: {attempts: 2, retryOn: unavailable}", "retries: {attempts: 4, retryOn: unavailable}", "VirtualService shop/bank"},
	{"a method of gRPC behind a gateway", "exact: /bank.Accounts/Close", "exact: /bank.Accounts/Shut", "VirtualService shop/bank-outside"},
	{"who gets bytes", "{host: bank, subset: v1, port: {number: 3306}}", "{host: bank, subset: v2, port: {number: 3306}}", "VirtualService shop/bank"},
	{"who gets bytes through a gateway", "{port: {number: 3306}, host: bank, subset: v1}", "{port: {number: 3306}, host: bank, subset: v2}", "VirtualService shop/bank-outside"},
	{"who gets TLS", "{host: bank, subset: v1, port: {number: 8443}}", "{host: bank, subset: v2, port: {number: 8443}}", "VirtualService shop/bank"},
	{"a name of TLS that is passed through", "hosts: [bank.example]\n    tls: {mode: PASSTHROUGH}", "hosts: [banks.example]\n    tls: {mode: PASSTHROUGH}", "Gateway shop/bank"},
	{"who gets TLS that is passed through", "{port: {number: 8443}, host: bank, subset: v1}", "{port: {number: 8443}, host: bank, subset: v2}", "VirtualService shop/bank-outside"},
	{"a mirror", "mirror: {host: stock, subset: v2,", "mirror: {host: stock, subset: v1,", "VirtualService shop/copied"},
	{"a mirror's share", "mirrorPercentage: {value: 100}", "mirrorPercentage: {value: 0}", "VirtualService shop/copied"},
	{"a mirror of the Gateway API", "backendRef: {name: bank, port: 7000}", "backendRef: {name: stock, port: 8000}", "HTTPRoute shop/mirrored"},
	{"a method of a GRPCRoute", "service: bank.Accounts, method: Open", "service: bank.Accounts, method: Begin", "GRPCRoute shop/accounts"},
	{"a host of a TLSRoute", "hostnames: [tls.example]", "hostnames: [ssl.example]", "TLSRoute shop/passed"},
	{"the backend of a TCPRoute", "backendRefs: [{name: bank, port: 3306}]", "backendRefs: [{name: stock, port: 8000}]", "TCPRoute shop/bytes"},
	{"a header to a host outside", "x-customer: gold", "x-customer: silver", "VirtualService shop/partner"},
	{"the protocol of a host outside", "name: http, protocol: HTTP}\n  - {number: 443", "name: tcp, protocol: TCP}\n  - {number: 443", "ServiceEntry shop/partner"},
	{"a port of the pods", "port: 8001, targetPort: 9081", "port: 8001, targetPort: 9089", "Service shop/stock"},
}

// TestEachPlantedChangeIsNamedByOneObject changes one object after the other of a mesh that
// runs, and wants exactly that one to be named.
func TestEachPlantedChangeIsNamedByOneObject(t *testing.T) {
	if os.Getenv(clusterVariable) != "1" {
		t.Skipf("a cluster is made with %s=1: make test-rehearse-traffic", clusterVariable)
	}
	g := gomega.NewWithT(t)
	base := shop(t)
	r := standing(t, base)
	before, err := r.settled(t.Context(), r.Plan.Questions.Questions, t.Logf)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	differences := func(mesh *capture.Mesh) []finding.Finding {
		now, err := r.ask(t.Context(), r.Plan.Questions.Questions)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		r.changed, r.After, r.report = capture.Changed(base, mesh), mesh, &finding.Report{}
		r.tell(r.differences(before, now))
		return r.report.Findings
	}
	g.Expect(differences(base)).To(gomega.BeEmpty(), "nothing was changed")
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			mesh := shop(t, [2]string{p.old, p.new})
			g.Expect(r.reconfigure(t.Context(), mesh)).To(gomega.BeEmpty())
			found := await(t, func() []finding.Finding { return differences(mesh) }, func(f []finding.Finding) bool { return len(f) > 0 })
			for _, f := range found {
				g.Expect(f.Object).To(gomega.Equal(p.object), "%s: %s -> %s: %s", f.Field, f.Before, f.After, f.Why)
			}
			t.Logf("%d differences, the first: %s:%d %s: %s -> %s: %s", len(found), found[0].File, found[0].Line, found[0].Field, found[0].Before, found[0].After, found[0].Why)
			g.Expect(r.reconfigure(t.Context(), base)).To(gomega.BeEmpty())
			await(t, func() []finding.Finding { return differences(base) }, func(f []finding.Finding) bool { return len(f) == 0 })
		})
	}
	t.Run("several at once", func(t *testing.T) { eachToItsOwn(t, r, base, before) })
}

// severalAtOnce are changes that come together, each of which decides about others' requests.
var severalAtOnce = [][2]string{
	{"redirect: {uri: /new}", "redirect: {uri: /newest}"}, // VirtualService shop/outside
	{"methods: [DELETE]", "methods: [GET]"},               // AuthorizationPolicy shop/web, behind it
	{"exact: tester", "exact: developer"},                 // VirtualService shop/stock
	{"mode: STRICT", "mode: PERMISSIVE"},                  // PeerAuthentication shop/stock
}

// eachToItsOwn changes several objects at once, and wants each difference put down to the
// one that decides.
func eachToItsOwn(t *testing.T, r *Rehearsal, base *capture.Mesh, before round) {
	g := gomega.NewWithT(t)
	r.After, r.report = shop(t, severalAtOnce...), &finding.Report{}
	r.changed = capture.Changed(base, r.After)
	g.Expect(r.changed).To(gomega.HaveLen(len(severalAtOnce)))
	g.Expect(r.reconfigure(t.Context(), r.After)).To(gomega.BeEmpty())
	var found []difference
	await(t, func() []finding.Finding {
		now, err := r.ask(t.Context(), r.Plan.Questions.Questions)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		found = r.differences(before, now)
		return make([]finding.Finding, len(found))
	}, func(f []finding.Finding) bool { return len(f) > len(severalAtOnce) })
	g.Expect(r.findCauses(t.Context(), found, t.Logf)).To(gomega.Succeed())
	r.tell(found)
	named := map[string]bool{}
	for _, f := range r.report.Findings {
		named[f.Object] = true
		t.Logf("%s:%d %s: %s: %s -> %s: %s", f.File, f.Line, f.Object, f.Field, f.Before, f.After, f.Why)
		denied := strings.Contains(f.Before+f.After, "status 403")
		g.Expect(denied).To(gomega.Equal(f.Object == "AuthorizationPolicy shop/web"), "%s: %s", f.Object, f.Why)
	}
	for _, o := range r.changed {
		g.Expect(named).To(gomega.HaveKey(o.String()))
	}
	g.Expect(named).To(gomega.HaveLen(len(r.changed)))
}

// await asks until the differences are wanted and the same twice.
func await(t *testing.T, ask func() []finding.Finding, wanted func([]finding.Finding) bool) []finding.Finding {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	last := -1
	for time.Now().Before(deadline) {
		found := ask()
		if wanted(found) && len(found) == last {
			return found
		}
		last = len(found)
	}
	t.Fatalf("after a minute there are %d differences", last)
	return nil
}

// standing builds a cluster with the mesh.
func standing(t *testing.T, mesh *capture.Mesh) *Rehearsal {
	t.Helper()
	g := gomega.NewWithT(t)
	plan, err := NewPlan(mesh, host.Gather(host.Options{}))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	dir := t.TempDir()
	file := filepath.Join(dir, "installation.yaml")
	g.Expect(WriteInstallation(mesh, file)).To(gomega.Succeed())
	o := options.Register(flag.NewFlagSet("test", flag.ContinueOnError), func(name string) string {
		switch name {
		case "INSTALLATION":
			return file
		case "OUT":
			return dir
		}
		return os.Getenv(name)
	})
	g.Expect(o.Complete()).To(gomega.Succeed())
	s := stack.New(o.Config)
	g.Expect(s.Resolve(t.Context())).To(gomega.Succeed())
	version, err := istio.ParseVersion(s.Cell.Istio)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	recorder, err := record.New(record.Options{Dir: dir, RunID: "planted", Out: os.Stdout})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	r := &Rehearsal{Stack: s.Stack, Plan: plan, From: version, To: version, report: &finding.Report{}}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		if err := s.Close(ctx, recorder); err != nil {
			t.Errorf("remove the cluster: %v", err)
		}
	})
	g.Expect(s.Build(t.Context(), recorder)).To(gomega.Succeed())
	g.Expect(s.InstallError).NotTo(gomega.HaveOccurred())
	g.Expect(r.set(t.Context(), t.Logf)).To(gomega.Succeed())
	g.Expect(r.report.Findings).To(gomega.BeEmpty(), "nothing is refused")
	for _, b := range plan.Questions.Branches {
		g.Expect(b.Why).To(gomega.BeEmpty(), "%s %s is asked", b.Object, b.Name)
	}
	return r
}
