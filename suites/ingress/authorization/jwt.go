package authorization

import (
	"context"
	"net/http"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(jwt)

// jwt asks a host that wants a token with tokens of all kinds.
func jwt(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "authorization-jwt",
		Parallel: true,
		Promise:  "a host that wants a token of one issuer takes a valid one, answers 401 to an expired, forged or foreign one, 403 to one for another audience and to none, and does not pass the token on",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			mine, forger := newIssuer(t, "https://"+r.Host), newIssuer(t, "https://"+r.Host)
			const audience = "conformance"
			kit.Apply(ctx, t, s, s.Gateway.Namespace, "authorization/jwt.yaml",
				map[string]string{"Name": r.Name, "Host": r.Host, "Issuer": mine.name, "Audience": audience, "Keys": mine.keys(t)})
			settle(ctx, t, s, r.Host, "/")
			t.Diagnose("the gateway does not take and refuse tokens as the RequestAuthentication says",
				"look at the jwt_authn filter in the gateway's config dump in the evidence, and at response_code_details in its access log",
				"https://istio.io/latest/docs/tasks/security/authentication/jwt-route/")
			soon, ago := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
			signed := func(by *issuer, issuer, audience string, expires time.Time) http.Header {
				token := by.token(t, claims{Issuer: issuer, Subject: "someone", Audience: audience, Expires: expires.Unix()})
				return http.Header{"Authorization": {"Bearer " + token}}
			}
			valid := signed(mine, mine.name, audience, soon)
			waitForIssuer(ctx, t, r, valid)
			for _, a := range []attempt{
				{"no token", http.MethodGet, "/", nil, 403, denied(s, r.Name, 0)},
				{"an expired token", http.MethodGet, "/", signed(mine, mine.name, audience, ago), 401, "jwt_authn_access_denied{Jwt_is_expired}"},
				{"a token for another audience", http.MethodGet, "/", signed(mine, mine.name, "others", soon), 403, "jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}"},
				{"a token signed by another key", http.MethodGet, "/", signed(forger, mine.name, audience, soon), 401, "jwt_authn_access_denied{Jwt_verification_fails}"},
				{"a token of another issuer", http.MethodGet, "/", signed(mine, "https://elsewhere.conformance.test", audience, soon), 401, "jwt_authn_access_denied{Jwt_issuer_is_not_configured}"},
			} {
				try(ctx, t, s, r.Host, a)
			}
			arrived := try(ctx, t, s, r.Host, attempt{"a valid token", http.MethodGet, "/", valid, 200, passed})
			t.Expect(arrived.Headers).NotTo(gomega.HaveKey("Authorization"), "the token at the backend without forwardOriginalToken")
		},
	}
}

// waitForIssuer waits until a valid token is taken: the policy may have arrived
// before the issuer.
func waitForIssuer(ctx context.Context, t *check.T, r kit.Route, token http.Header) {
	t.Eventually(ctx, func() int { return r.Get(ctx, "/", token).Status }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.Equal(http.StatusOK), "a valid token")
}
