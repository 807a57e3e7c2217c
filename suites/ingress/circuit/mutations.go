package circuit

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "limits-hidden", Promise: "a DestinationRule that hides the limits of the Services is noticed",
			Break: mutation.HideRules, Plays: "ingress:circuit-breaking,ingress/node-port",
			Fails: map[string]string{
				"ingress/circuit-connections": "idle connections", "ingress/circuit-requests": "idle connections",
				"ingress/outlier-ejection": "does not eject", "ingress/outlier-limit": "maxEjectionPercent",
			},
		},
		{
			Name: "ejection-not-enforced", Promise: "a gateway that does not eject failing pods is noticed",
			Break: mutation.WithFixture("never-ejected", nil), Plays: "ingress:circuit-breaking",
			Fails: map[string]string{"ingress/outlier-ejection": "does not eject", "ingress/outlier-limit": "maxEjectionPercent"},
		},
	}
}
