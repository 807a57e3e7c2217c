package retries

import (
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "retries-cut", Promise: "a gateway that retries less than the route says is noticed",
			// The routes to patch come with the checks, which wait until they are served.
			Break: mutation.WithFixture("no-retries", nil),
			Plays: "ingress:retries,ingress/timeout",
			Fails: map[string]string{"ingress/retries": "does not retry", "ingress/retry-on": "retryOn", "ingress/retry-per-try-timeout": "fewer or more tries"},
		},
		{
			Name: "retries-eager", Promise: "a gateway that retries what the route does not is noticed",
			Break: mutation.WithFixture("eager-retries", nil), Plays: "ingress/retries,ingress/retry-on,ingress/timeout",
			Fails: map[string]string{"ingress/retries": "does not retry as", "ingress/retry-on": "retryOn"},
		},
	}
}
