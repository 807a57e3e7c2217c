package circuit

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "limits-hidden", Promise: "a DestinationRule that hides the limits of the Services is noticed",
			Break: mutation.HideRules("{loadBalancer: {simple: RANDOM}}"), Plays: "ingress:circuit-breaking,ingress/timeout-idle,ingress/node-port",
			Fails: map[string]string{
				"ingress/circuit-connections": "idle connections", "ingress/circuit-requests": "idle connections",
				"ingress/outlier-ejection": notEjected, "ingress/outlier-limit": notEjected, "ingress/timeout-idle": "does not close idle connections",
			},
		},
		{
			Name: "limits-lifted", Promise: "a gateway that keeps to no limit of a Service is noticed",
			Break: mutation.HideRules("{connectionPool: {http: {idleTimeout: 1s}}}"), Plays: "ingress/circuit-connections,ingress/circuit-requests,ingress/timeout-idle",
			Fails: map[string]string{
				"ingress/circuit-connections": beyondLimit, "ingress/circuit-requests": beyondLimit,
				"ingress/timeout-idle": "closes idle connections without an idleTimeout",
			},
		},
		{
			Name: "ejection-not-enforced", Promise: "a gateway that does not eject failing pods is noticed",
			Break: mutation.WithFixture("never-ejected", nil), Plays: "ingress:circuit-breaking",
			Fails: map[string]string{"ingress/outlier-ejection": notEjected, "ingress/outlier-limit": notEjected},
		},
		{
			Name: "all-pods-ejected", Promise: "a gateway that ejects more pods than the DestinationRule allows is noticed",
			Break: mutation.WithFixture("all-ejected", nil), Plays: "ingress:circuit-breaking",
			Fails: map[string]string{"ingress/outlier-limit": "more pods than maxEjectionPercent allows"},
		},
	}
}
