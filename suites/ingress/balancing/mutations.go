package balancing

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "balancing-rule-hidden", Promise: "a DestinationRule that hides those of the Services is noticed",
			Break: mutation.HideRules("{loadBalancer: {simple: RANDOM}}"), Plays: "ingress/balance-random,ingress/balance-round-robin,ingress/balance-least-request,ingress/balance-consistent-hash,ingress/balance-hash-after-loss,ingress/balance-locality-weights",
			Fails: map[string]string{
				"ingress/balance-round-robin": "does not take the pods in turn", "ingress/balance-least-request": "does not prefer pods with fewer requests",
				"ingress/balance-consistent-hash": "same key to the same pod", "ingress/balance-hash-after-loss": "moves more keys than a consistent hash does",
				"ingress/balance-locality-weights": "does not weigh localities",
			},
		},
		{
			Name: "client-pinned", Promise: "a DestinationRule that sends all that one client asks for to one pod is noticed",
			Break: mutation.HideRules("{loadBalancer: {consistentHash: {useSourceIp: true}}}"),
			Plays: "ingress/balance-random,ingress/balance-round-robin,ingress/balance-consistent-hash,ingress/balance-hash-after-loss,ingress/balance-locality-weights,ingress/headless-service,ingress/node-port,ingress/endpoints-are-pods",
			Fails: map[string]string{
				"ingress/balance-random": "favours some pods", "ingress/balance-round-robin": "does not take the pods in turn",
				"ingress/balance-consistent-hash": differentKeys, "ingress/balance-hash-after-loss": differentKeys, "ingress/balance-locality-weights": "does not weigh localities",
				"ingress/headless-service": "does not balance over the pods of a headless Service", "ingress/node-port": "does not spread requests over all ready pods",
			},
		},
		{
			Name: "failover-never", Promise: "a gateway that does not eject pods, and so never fails over, is noticed",
			Break: mutation.WithFixture("never-ejected", nil), Plays: "ingress/balance-failover,ingress/balance-random",
			Fails: map[string]string{"ingress/balance-failover": "does not fail over"},
		},
	}
}

// differentKeys is how the checks name the cause of keys that all have one pod.
const differentKeys = "sends requests with different keys to the same pods"
