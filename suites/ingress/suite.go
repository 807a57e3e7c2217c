// Package ingress checks what the ingress gateway promises to traffic from
// outside the cluster, on real requests through its node port. Each feature of
// the gateway is a package below this one, with its checks and the ways to break
// them.
package ingress

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ingress/authorization"
	"istio-conformance/suites/ingress/balancing"
	"istio-conformance/suites/ingress/circuit"
	"istio-conformance/suites/ingress/direct"
	"istio-conformance/suites/ingress/faults"
	"istio-conformance/suites/ingress/gatewayapi"
	"istio-conformance/suites/ingress/managed"
	"istio-conformance/suites/ingress/mtls"
	"istio-conformance/suites/ingress/nodeport"
	"istio-conformance/suites/ingress/protocols"
	"istio-conformance/suites/ingress/retries"
	"istio-conformance/suites/ingress/routing"
	"istio-conformance/suites/ingress/telemetry"
	"istio-conformance/suites/ingress/timeouts"
	"istio-conformance/suites/ingress/tls"
	"istio-conformance/suites/ingress/wire"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// first is what the features' checks send their requests to.
var first kit.Checks

// features are what the suite is made of, in the order in which they run.
var features = []kit.Feature{
	{Checks: &first, Mutations: backendMutations},
	{Name: "node-port", Checks: &nodeport.Checks, Mutations: nodeport.Mutations},
	{Name: "direct-to-pods", Checks: &direct.Checks, Mutations: direct.Mutations},
	{Name: "routing", Checks: &routing.Checks, Mutations: routing.Mutations},
	{Name: "gateway-api", Checks: &gatewayapi.Checks, Mutations: gatewayapi.Mutations},
	{Name: "managed-gateways", Checks: &managed.Checks, Mutations: managed.Mutations},
	{Name: "balancing", Checks: &balancing.Checks, Mutations: balancing.Mutations},
	{Name: "circuit-breaking", Checks: &circuit.Checks, Mutations: circuit.Mutations},
	{Name: "faults", Checks: &faults.Checks, Mutations: faults.Mutations},
	{Name: "retries", Checks: &retries.Checks, Mutations: retries.Mutations},
	{Name: "timeouts", Checks: &timeouts.Checks, Mutations: timeouts.Mutations},
	{Name: "tls", Checks: &tls.Checks, Mutations: tls.Mutations},
	{Name: "mtls", Checks: &mtls.Checks, Mutations: mtls.Mutations},
	{Name: "authorization", Checks: &authorization.Checks, Mutations: authorization.Mutations},
	{Name: "protocols", Checks: &protocols.Checks, Mutations: protocols.Mutations},
	{Name: "telemetry", Checks: &telemetry.Checks, Mutations: telemetry.Mutations},
	{Name: "wire", Checks: &wire.Checks, Mutations: wire.Mutations},
}

// Suite returns the ingress checks for a cluster with Istio and its gateway.
func Suite(s *stack.Stack) check.Suite {
	return kit.Suite(s, "ingress", (*stack.Stack).WhyNotRouted, features)
}

// Mutations returns the ways to break what the suite checks.
func Mutations() []mutation.Mutation { return kit.Mutations(features) }
