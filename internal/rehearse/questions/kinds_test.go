package questions

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// bank is a Service that speaks gRPC, bytes and TLS, with two kinds of pods.
const bank = `
apiVersion: v1
kind: Service
metadata: {name: bank, namespace: shop}
spec: {selector: {app: bank}, ports: [{name: grpc, port: 7000}, {name: tcp-db, port: 3306}, {name: tls, port: 8443}, {name: dns, port: 53, protocol: UDP}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bank-v1, namespace: shop}
spec: {template: {metadata: {labels: {app: bank, version: v1}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: bank-v2, namespace: shop}
spec: {template: {metadata: {labels: {app: bank, version: v2}}, spec: {containers: [{name: c, image: i}]}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: bank, namespace: shop}
spec: {host: bank, subsets: [{name: v1, labels: {version: v1}}, {name: all, labels: {app: bank}}]}
---
`

func TestCallsBytesAndTLSAreAsked(t *testing.T) {
	g := gomega.NewWithT(t)
	s := mustOf(t, bank+`
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: all, namespace: shop}
spec:
  selector: {istio: edge}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ["*.example"]}
  - {port: {number: 8443, name: tls, protocol: TLS}, hosts: ["*.example"], tls: {mode: PASSTHROUGH}}
  - {port: {number: 3306, name: tcp, protocol: TCP}, hosts: ["*"]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: bank, namespace: shop}
spec:
  hosts: [bank.example]
  gateways: [all]
  http:
  - match: [{uri: {exact: /bank.Accounts/Open}}]
    timeout: 1s
    mirror: {host: web}
    route: [{destination: {host: bank, subset: v1, port: {number: 7000}}}]
  tcp: [{match: [{port: 3306}], route: [{destination: {host: bank, subset: v1, port: {number: 3306}}}]}]
  tls: [{match: [{sniHosts: [bank.example], port: 8443}, {sniHosts: [bank.example], destinationSubnets: [10.0.0.0/8]}], route: [{destination: {host: bank, subset: v1, port: {number: 8443}}}]}]
`)
	g.Expect(about(s, "VirtualService shop/bank")).To(gomega.Equal([]string{
		"tcp[0].match[0]: takes it | outside sends bytes to istio-edge.istio-ingress.svc.cluster.local:3306 through gateway istio-ingress/istio-edge",
		"tls[0].match[0]: takes it | outside asks GET https://bank.example/ through gateway istio-ingress/istio-edge",
		"tls[0].match[0]: misses the name | outside asks GET https://missed-bank.example/ through gateway istio-ingress/istio-edge",
		"http[0].match[0]: takes it | outside asks POST grpc://bank.example/bank.Accounts/Open through gateway istio-ingress/istio-edge",
		"http[0].match[0]: misses the path | outside asks POST grpc://bank.example/bank.Accounts/Open-missed through gateway istio-ingress/istio-edge",
		"http[0].mirror: who else sees it | outside asks POST grpc://bank.example/bank.Accounts/Open through gateway istio-ingress/istio-edge",
		"http[0].retries: the stand-in answers 503 | outside asks POST grpc://bank.example/bank.Accounts/Open through gateway istio-ingress/istio-edge with x-order-code: 14",
		"http[0].timeout: the stand-in takes 1.7s | outside asks POST grpc://bank.example/bank.Accounts/Open through gateway istio-ingress/istio-edge with x-order-delay: 1.7s",
	}))
	g.Expect(s.Branches).To(gomega.ContainElements(
		Branch{"VirtualService shop/bank", "tls[0].match[1]", "conditions on addresses are not asked"},
		Branch{"VirtualService shop/bank", "http[0].mirror", ""},
		Branch{"Service shop/bank", "ports[3]", "the stand-ins do not speak UDP"},
	))
	g.Expect(about(s, "Service shop/bank")).To(gomega.ContainElements(
		"ports[0]: as it is | client asks POST grpc://bank.shop.svc.cluster.local:7000/rehearsal.Any/Call",
		"ports[1]: as it is | client sends bytes to bank.shop.svc.cluster.local:3306",
		"ports[2]: as it is | client asks GET https://bank.shop.svc.cluster.local/",
	))
}

func TestEachKindOfTheGatewayAPIIsAskedByItsListener(t *testing.T) {
	g := gomega.NewWithT(t)
	route := func(kind, name, section, rules string) string {
		return "---\napiVersion: gateway.networking.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: " + name + ", namespace: shop}\nspec: {parentRefs: [{name: edge" + section + "}], hostnames: [" + name + ".example], rules: [" + rules + "]}\n"
	}
	s := mustOf(t, bank+`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}, {name: tls, port: 8443, protocol: TLS, tls: {mode: Passthrough}}, {name: tcp, port: 3306, protocol: TCP}]}
`+route("GRPCRoute", "calls", "", "{matches: [{method: {service: bank.Accounts}}], backendRefs: [{name: bank, port: 7000}]}")+
		route("TLSRoute", "passed", "", "{backendRefs: [{name: web, port: 80}]}")+
		route("HTTPRoute", "copied", "", "{filters: [{type: RequestMirror}], backendRefs: [{name: web, port: 80}]}")+
		strings.Replace(route("TCPRoute", "bytes", ", sectionName: tcp", "{backendRefs: [{name: web, port: 80}]}"), "hostnames: [bytes.example], ", "", 1))
	g.Expect(about(s, "GRPCRoute shop/calls")).To(gomega.Equal([]string{
		"rules[0].matches[0]: takes it | outside asks POST grpc://calls.example/bank.Accounts/Call through gateway shop/edge-istio",
		"rules[0].matches[0]: misses the method | outside asks POST grpc://calls.example/bank.AccountsMissed/Call through gateway shop/edge-istio",
	}))
	g.Expect(about(s, "TLSRoute shop/passed")).To(gomega.Equal([]string{
		"rules[0]: takes it | outside asks GET https://passed.example/ through gateway shop/edge-istio",
		"rules[0]: misses the name | outside asks GET https://missed-passed.example/ through gateway shop/edge-istio",
	}))
	g.Expect(about(s, "TCPRoute shop/bytes")).To(gomega.Equal([]string{"rules[0]: takes it | outside sends bytes to edge-istio.shop.svc.cluster.local:3306 through gateway shop/edge-istio"}))
	g.Expect(about(s, "HTTPRoute shop/copied")).To(gomega.HaveLen(2))
	for _, q := range s.Questions { // bank has two kinds of pods
		g.Expect(q.Times > 1).To(gomega.Equal(strings.Contains(q.Host, "calls.example") || strings.HasPrefix(q.To, "bank.") || q.Marked), "%s", q)
	}
}

func TestWhatMayFallToChanceIsCounted(t *testing.T) {
	g := gomega.NewWithT(t)
	s := mustOf(t, gateway+bank+`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside, namespace: shop}
spec:
  hosts: [shop.example]
  gateways: [public]
  http:
  - match: [{uri: {exact: /a}}]
    route: [{destination: {host: web}}]
  - route: [{destination: {host: web}, weight: 90}, {destination: {host: stock}, weight: 10}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: other, namespace: shop}
spec: {hosts: [other.example], gateways: [public], http: [{fault: {abort: {percent: 10, httpStatus: 500}}, route: [{destination: {host: web}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: one, namespace: shop}
spec: {hosts: [one.example], gateways: [public], http: [{route: [{destination: {host: bank, subset: v1}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: two, namespace: shop}
spec: {hosts: [two.example], gateways: [public], http: [{route: [{destination: {host: bank, subset: all}}]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec: {hosts: [web], http: [{route: [{destination: {host: web}, weight: 50}, {destination: {host: stock}, weight: 50}]}]}
`)
	many := map[string]bool{"shop.example": true, "other.example": true, "two.example": true, "web.shop.svc.cluster.local": true}
	for _, q := range s.Questions {
		g.Expect(q.Times > 1).To(gomega.Equal(many[q.Host] || strings.HasPrefix(q.To, "bank.")), "%s (%s)", q, q.About)
	}
}

func TestAPolicyIsAskedByWhomItNamesAndWhatIsNotAskedIsNamed(t *testing.T) {
	g := gomega.NewWithT(t)
	policy := func(name, spec string) string {
		return "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: " + name + ", namespace: shop}\nspec: {" + spec + "}\n"
	}
	s := mustOf(t, policy("target", "targetRef: {kind: Service, name: web}, rules: [{}]")+
		policy("custom", "action: CUSTOM, provider: {name: p}, rules: [{}]")+
		policy("both", `selector: {matchLabels: {app: stock}}, rules: [{from: [{source: {namespaces: [shop], principals: ["old-domain/ns/shop/sa/stock"]}}], to: [{operation: {paths: ["/a*"]}}, {operation: {notMethods: [PUT], hosts: [x]}}]}]`)+
		policy("nobody", `selector: {matchLabels: {app: stock}}, rules: [{from: [{source: {notNamespaces: [shop, rehearsal-client], notIpBlocks: [10.0.0.0/8]}}]}]`)+`---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: target, namespace: shop}
spec: {targetRefs: [{kind: Service, name: web}], jwtRules: [{issuer: a}]}
`)
	g.Expect(about(s, "AuthorizationPolicy shop/target")).To(gomega.BeEmpty())
	g.Expect(about(s, "RequestAuthentication shop/target")).To(gomega.BeEmpty())
	g.Expect(s.Branches).To(gomega.ContainElements(
		Branch{"AuthorizationPolicy shop/target", "spec", "a policy for a target is not asked"},
		Branch{"RequestAuthentication shop/target", "spec", "a policy for a target is not asked"},
		Branch{"AuthorizationPolicy shop/custom", "action CUSTOM", "a stand-in answers in the place of the authorizer"},
		Branch{"AuthorizationPolicy shop/both", "rules[0].to[0]", ""},
		Branch{"AuthorizationPolicy shop/both", "rules[0].to[1] by host or port", "hosts and ports of an operation are not chosen"},
		Branch{"AuthorizationPolicy shop/nobody", "rules[0].from[0]", "no workload with a sidecar is whom it names"},
		Branch{"AuthorizationPolicy shop/nobody", "rules[0].from[0] by token or address", "a source by its token or address is not asked"},
	))
	// What misses the operation is asked by the one that is let in, else nobody would see it.
	g.Expect(about(s, "AuthorizationPolicy shop/both")).To(gomega.ContainElements(
		"rules[0].to[0]: takes it | shop/stock asks GET http://stock.shop.svc.cluster.local/a",
		"rules[0].to[0]: misses the path | shop/stock asks GET http://stock.shop.svc.cluster.local/z",
		"rules[0].to[0].from: by shop/web | shop/web asks GET http://stock.shop.svc.cluster.local/a",
		"rules[0].to[1]: misses no the method | shop/stock asks PUT http://stock.shop.svc.cluster.local/",
	))
}

func TestWhatOnlyTheOtherConfigurationHasIsAskedOfBoth(t *testing.T) {
	g := gomega.NewWithT(t)
	vs := gateway + `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside, namespace: shop}
spec: {hosts: [shop.example], gateways: [public], http: [MATCH{route: [{destination: {host: web}}WEIGHTED]}]}
`
	before := mustOf(t, strings.NewReplacer("MATCH", "", "WEIGHTED", "").Replace(vs))
	after := mustOf(t, bank+strings.NewReplacer("MATCH", "{match: [{headers: {x-new: {exact: a}}}], route: [{destination: {host: bank}}]}, ", "WEIGHTED", ", {destination: {host: stock}, weight: 50}").Replace(vs))
	n := len(before.Questions)
	before.With(after, func(asker string) bool { return !strings.HasPrefix(asker, "shop/bank") })
	g.Expect(len(before.Questions)).To(gomega.BeNumerically(">", n))
	g.Expect(about(before, "VirtualService shop/outside")).To(gomega.ContainElement(gomega.ContainSubstring("with x-new: a")))
	for _, q := range before.Questions {
		g.Expect(q.Asker).NotTo(gomega.HavePrefix("shop/bank"))
		if q.Host == "shop.example" {
			g.Expect(q.Times).To(gomega.BeNumerically(">", 1), "%s: as often as the other one must be asked", q)
		}
	}
}

func TestHostsOutsideOfTheMeshAreAskedWhereTheyAreFoundByName(t *testing.T) {
	g := gomega.NewWithT(t)
	s := mustOf(t, `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: partner, namespace: shop}
spec: {hosts: [api.partner.example], resolution: DNS, ports: [{number: 8080, name: http, protocol: HTTP}, {number: 443, name: tls, protocol: TLS}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: fixed, namespace: shop}
spec: {hosts: [db.example], resolution: STATIC, ports: [{number: 3306, name: tcp, protocol: TCP}], endpoints: [{address: 203.0.113.1}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: partner, namespace: shop}
spec: {hosts: [api.partner.example], http: [{match: [{uri: {exact: /a}}], route: [{destination: {host: api.partner.example}}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: all, namespace: shop}
spec: {rules: [{}]}
`)
	g.Expect(about(s, "VirtualService shop/partner")).To(gomega.ContainElements(
		"http[0].match[0]: takes it | shop/stock asks GET http://api.partner.example:8080/a",
		"http[0].match[0]: misses the path | shop/stock asks GET http://api.partner.example:8080/a-missed",
	))
	g.Expect(about(s, "ServiceEntry shop/partner")).To(gomega.ContainElement("ports[1]: as it is | client asks GET https://api.partner.example/"))
	g.Expect(s.Branches).To(gomega.ContainElements(
		Branch{"ServiceEntry shop/partner", "ports[0]", ""},
		Branch{"ServiceEntry shop/fixed", "spec", "its endpoints are addresses or workloads: nothing stands for them"},
	))
	for _, q := range s.Questions {
		g.Expect(q.Object == "AuthorizationPolicy shop/all" && strings.Contains(q.URL, "partner")).To(gomega.BeFalse(), "a policy is not of hosts outside")
	}
}
