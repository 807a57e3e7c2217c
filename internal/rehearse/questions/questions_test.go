package questions

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// workload is a Service with one Deployment behind it.
const workload = `
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: shop}
spec: {selector: {app: NAME}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec: {template: {metadata: {labels: {app: NAME}}, spec: {serviceAccountName: NAME, containers: [{name: c, image: i}]}}}
---
`

const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: public, namespace: shop}
spec: {selector: {istio: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example"]}]}
---
`

func of(t *testing.T, yaml string) (*Set, error) {
	t.Helper()
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	yaml = strings.ReplaceAll(workload, "NAME", "web") + strings.ReplaceAll(workload, "NAME", "stock") + yaml
	g.Expect(os.WriteFile(filepath.Join(dir, "mesh.yaml"), []byte(yaml), 0o600)).To(gomega.Succeed())
	mesh, err := capture.FromFolder(dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	live, err := stage.BuildLive(mesh, "image")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, entrances, _ := stage.Installation(mesh)
	return Of(mesh, live.StandIns, entrances)
}

// mustOf is of for a mesh of which questions can be made.
func mustOf(t *testing.T, yaml string) *Set {
	t.Helper()
	s, err := of(t, yaml)
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return s
}

// about are the questions of an object for people.
func about(s *Set, object string) []string {
	var all []string
	for _, q := range s.Questions {
		if q.Object == object {
			all = append(all, q.About+" | "+q.String())
		}
	}
	return all
}

func TestEachConditionIsTakenAndMissed(t *testing.T) {
	g := gomega.NewWithT(t)
	s := mustOf(t, gateway+`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside, namespace: shop}
spec:
  hosts: [shop.example]
  gateways: [public]
  http:
  - match: [{uri: {prefix: /api/}, method: {exact: PUT}, headers: {x-user: {regex: "[a-z]+[0-9]"}}, queryParams: {v: {exact: "2"}}}]
    route: [{destination: {host: stock}}]
  - timeout: 2s
    route: [{destination: {host: web}}]
`)
	g.Expect(about(s, "VirtualService shop/outside")).To(gomega.Equal([]string{
		"http[0].match[0]: takes it | outside asks PUT http://shop.example/api/?v=2 through gateway istio-ingress/istio-edge with x-user: a1",
		"http[0].match[0]: misses the path | outside asks PUT http://shop.example/apiz?v=2 through gateway istio-ingress/istio-edge with x-user: a1",
		"http[0].match[0]: misses the method | outside asks GET http://shop.example/api/?v=2 through gateway istio-ingress/istio-edge with x-user: a1",
		"http[0].match[0]: misses header x-user | outside asks PUT http://shop.example/api/?v=2 through gateway istio-ingress/istio-edge with x-user: a1~",
		"http[0].match[0]: misses parameter v | outside asks PUT http://shop.example/api/?v=2-missed through gateway istio-ingress/istio-edge with x-user: a1",
		"http[0].retries: the stand-in answers 503 | outside asks PUT http://shop.example/api/?v=2 through gateway istio-ingress/istio-edge with x-rehearsal-order: status=503 with x-user: a1",
		"http[1]: takes it | outside asks GET http://shop.example/ through gateway istio-ingress/istio-edge",
		"http[1].retries: the stand-in answers 503 | outside asks GET http://shop.example/ through gateway istio-ingress/istio-edge with x-rehearsal-order: status=503",
		"http[1].timeout: the stand-in takes 2.7s | outside asks GET http://shop.example/ through gateway istio-ingress/istio-edge with x-rehearsal-order: delay=2.7s",
	}))
	for _, q := range s.Questions {
		g.Expect(q.Line).To(gomega.BeNumerically(">", 0), q.String())
	}
}

func TestQuestionsInsideTheMesh(t *testing.T) {
	g := gomega.NewWithT(t)
	s := mustOf(t, `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: stock, namespace: shop}
spec:
  hosts: [stock]
  http:
  - match: [{sourceLabels: {app: web}}]
    route: [{destination: {host: stock}, weight: 90}, {destination: {host: web}, weight: 10}]
  - match: [{sourceLabels: {app: nobody}}]
    route: [{destination: {host: stock}}]
  tcp: [{route: [{destination: {host: stock}}]}]
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: callers, namespace: shop}
spec:
  selector: {matchLabels: {app: stock}}
  rules: [{from: [{source: {principals: ["*/sa/web"]}}], to: [{operation: {methods: [GET], paths: ["/v1/*"]}}]}]
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, jwtRules: [{issuer: a}]}
`)
	g.Expect(about(s, "VirtualService shop/stock")).To(gomega.Equal([]string{"http[0].match[0]: takes it | shop/web asks GET http://stock.shop.svc.cluster.local/"}))
	g.Expect(s.Branches).To(gomega.ContainElements(
		Branch{"VirtualService shop/stock", "http[1].match[0]", "no workload with a sidecar has its source's labels"},
		Branch{"VirtualService shop/stock", "tcp[0]", "no port of Service shop/stock is for routes of tcp"},
		Branch{"RequestAuthentication shop/tokens", "jwtRules[0]", ""},
	))
	for _, q := range s.Questions { // whoever asks stock, weights decide
		g.Expect(q.Times > 1).To(gomega.Equal(strings.HasPrefix(q.Host, "stock.")), "%s", q)
	}
	g.Expect(about(s, "AuthorizationPolicy shop/callers")).To(gomega.ContainElements(
		gomega.ContainSubstring("rules[0]: misses the path | "), gomega.ContainSubstring("rules[0]: misses the method | "),
		"rules[0].from: by shop/stock | shop/stock asks GET http://stock.shop.svc.cluster.local/v1/",
		"rules[0].from: by outside | outside asks GET http://stock.shop.svc.cluster.local/v1/",
	))
	g.Expect(about(s, "RequestAuthentication shop/tokens")).To(gomega.ContainElements(gomega.ContainSubstring("a token that nobody issued"), gomega.ContainSubstring("a token of a | ")))
}

func TestTheGatewayAPIIsAsked(t *testing.T) {
	g := gomega.NewWithT(t)
	s := mustOf(t, `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP, hostname: "*.example"}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: public, namespace: shop}
spec:
  parentRefs: [{name: edge}]
  hostnames: [www.example]
  rules: [{matches: [{path: {type: PathPrefix, value: /stock}}], backendRefs: [{name: stock, port: 80}], timeouts: {request: 1s}}]
`)
	g.Expect(about(s, "HTTPRoute shop/public")).To(gomega.Equal([]string{
		"rules[0].matches[0]: takes it | outside asks GET http://www.example/stock through gateway shop/edge-istio",
		"rules[0].matches[0]: misses the path | outside asks GET http://www.example/stockz through gateway shop/edge-istio",
		"rules[0].timeouts: the stand-in takes 1.7s | outside asks GET http://www.example/stock through gateway shop/edge-istio with x-rehearsal-order: delay=1.7s",
	}))
}

func TestDelegatesAreAskedByTheirRoot(t *testing.T) {
	g := gomega.NewWithT(t)
	root := gateway + `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: root, namespace: shop}
spec: {hosts: [shop.example], gateways: [public], http: [{match: [{uri: {prefix: /a}}], delegate: {name: below}}]}
---
`
	below := `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: below, namespace: shop}
spec: {http: [{match: [{uri: {prefix: /a/b}}], route: [{destination: {host: web}}]}]}
`
	s := mustOf(t, root+below)
	g.Expect(about(s, "VirtualService shop/below")).To(gomega.ContainElement(gomega.ContainSubstring("takes it | outside asks GET http://shop.example/a/b ")))
	_, err := of(t, root+strings.Replace(below, "route: [{destination: {host: web}}]", "delegate: {name: root}", 1))
	g.Expect(err).To(gomega.MatchError(gomega.MatchRegexp(`^mesh.yaml:\d+: the delegates of VirtualServices go in a circle: VirtualService shop/(root|below) -> .*; let the last one`)))
}

func TestSamplesOfExpressions(t *testing.T) {
	for expression, ok := range map[string]bool{
		`/v[0-9]+/items`: true, `(foo|bar).*`: true, `^/a(/b)?$`: true, `[^/]+\.js`: true, `\d{3}-x`: true, `(?i)abc`: true, `a(`: false, `\bx`: true,
	} {
		text, made := sample(expression)
		if made != ok {
			t.Errorf("%s: %q, %v", expression, text, made)
		}
	}
}
