package balancing

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "balancing-rule-hidden", Promise: "a DestinationRule that hides those of the Services is noticed",
			Break: mutation.HideRules("{loadBalancer: {simple: RANDOM}}"), Plays: "ingress/balance-random,ingress/balance-round-robin,ingress/balance-least-request,ingress/balance-consistent-hash",
			Fails: map[string]string{
				"ingress/balance-round-robin": "does not take the pods in turn", "ingress/balance-least-request": "does not prefer pods with fewer requests",
				"ingress/balance-consistent-hash": "same key to the same pod",
			},
		},
		{
			Name: "failover-never", Promise: "a gateway that does not eject pods, and so never fails over, is noticed",
			Break: mutation.WithFixture("never-ejected", nil), Plays: "ingress/balance-failover,ingress/balance-random",
			Fails: map[string]string{"ingress/balance-failover": "does not fail over"},
		},
	}
}
