package authorization

import (
	"context"
	"net/http"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(deny)

// deny asks a host of which a path and a method are denied.
func deny(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "authorization-deny",
		Parallel: true,
		Promise:  "a DENY policy of the gateway answers 403 to its paths and methods before the backend, by the rule that it logs, and lets all else pass",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			kit.Apply(ctx, t, s, s.Gateway.Namespace, "authorization/deny.yaml", map[string]string{"Name": r.Name, "Host": r.Host})
			settle(ctx, t, s, r.Host, "/admin")
			t.Diagnose("the gateway does not deny exactly what the DENY policy's rules say",
				"look at the rbac filter's rules in the gateway's config dump in the evidence", docs)
			for _, a := range []attempt{
				{"a denied path", http.MethodGet, "/admin/users", nil, 403, denied(s, r.Name, 0)},
				{"a denied path after normalisation", http.MethodGet, "/public/../admin", nil, 403, denied(s, r.Name, 0)},
				{"a denied method", http.MethodDelete, "/public", nil, 403, denied(s, r.Name, 1)},
				{"another path", http.MethodGet, "/public/admin", nil, 200, passed},
				{"another method", http.MethodPost, "/public", nil, 200, passed},
			} {
				try(ctx, t, s, r.Host, a)
			}
		},
	}
}

var _ = Checks.Add(allow)

// allow asks a host of which only one path and method are allowed.
func allow(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "authorization-allow",
		Parallel: true,
		Promise:  "an ALLOW policy of the gateway lets its paths and methods pass and answers 403 to everything else of the host",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			kit.Apply(ctx, t, s, s.Gateway.Namespace, "authorization/allow.yaml", map[string]string{"Name": r.Name, "Host": r.Host})
			settle(ctx, t, s, r.Host, "/other")
			t.Diagnose("the gateway does not allow exactly what the ALLOW policy's rules say",
				"look at the rbac filter's rules in the gateway's config dump in the evidence", docs)
			const none = "rbac_access_denied_matched_policy[none]"
			for _, a := range []attempt{
				{"an allowed path and method", http.MethodGet, "/public/page", nil, 200, passed},
				{"a path that no rule allows", http.MethodGet, "/private", nil, 403, none},
				{"a method that no rule allows", http.MethodPost, "/public/page", nil, 403, none},
			} {
				try(ctx, t, s, r.Host, a)
			}
		},
	}
}
