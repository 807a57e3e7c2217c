package faults

import "istio-conformance/suites/mutation"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "fault-filter-removed", Promise: "a gateway without the filter for faults is noticed",
			Break: mutation.WithFixture("filter-removed", map[string]string{"Filter": "envoy.filters.http.fault"}), Plays: "ingress:faults,ingress/route-redirect",
			Fails: map[string]string{
				"ingress/fault-abort": cause, "ingress/fault-delay": cause, "ingress/fault-by-header": cause, "ingress/fault-delay-and-timeout": cause,
			},
		},
		{
			Name: "more-aborts", Promise: "a gateway that aborts more requests than the route says is noticed",
			Break: mutation.WithFixture("more-aborts", nil), Plays: "ingress/fault-abort,ingress/fault-delay",
			Fails: map[string]string{"ingress/fault-abort": "aborted", "ingress/fault-delay": cause},
		},
	}
}
