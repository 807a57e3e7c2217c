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
			Break: mutation.EveryRoute("{retry_policy: {num_retries: 1}}"),
			Plays: "ingress:retries,ingress/timeout",
			Fails: map[string]string{"ingress/retries": "does not retry", "ingress/retry-on": "retryOn", "ingress/retry-per-try-timeout": "fewer or more tries"},
		},
		{
			Name: "retries-eager", Promise: "a gateway that retries what the route does not is noticed",
			Break: mutation.EveryRoute(`{retry_policy: {retry_on: "5xx,retriable-4xx", num_retries: 3}}`), Plays: "ingress/retries,ingress/retry-on,ingress/timeout",
			Fails: map[string]string{"ingress/retries": "does not retry as", "ingress/retry-on": "retryOn"},
		},
		{
			Name: "retries-of-other-errors", Promise: "a gateway that retries nothing of what the route says is noticed",
			Break: mutation.EveryRoute("{retry_policy: {retry_on: unavailable}}"), Plays: "ingress:retries,ingress/timeout",
			Fails: map[string]string{
				"ingress/retries": "does not retry", "ingress/retry-on": "retryOn", "ingress/retry-per-try-timeout": "fewer or more tries",
				"ingress/retry-connect-failure": "is not tried again at another pod", "ingress/retry-another-pod": "does not try a request again that a pod failed",
			},
		},
		{
			Name: "retries-anywhere", Promise: "a gateway that tries a request again at the pod that failed it is noticed",
			Break: mutation.WithFixture("retries-anywhere", nil), Plays: "ingress:retries",
			Fails: map[string]string{"ingress/retry-another-pod": "again at the pod that failed it"},
		},
	}
}
