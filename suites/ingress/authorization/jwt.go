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
			settle(ctx, t, s, r.Host, "/", http.StatusForbidden)
			t.Diagnose("the gateway does not take and refuse tokens as the RequestAuthentication says",
				"look at the jwt_authn filter in the gateway's config dump in the evidence, and at response_code_details in its access log",
				"https://istio.io/latest/docs/tasks/security/authentication/jwt-route/")
			soon, ago := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
			with := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
			foreign := mine.token(t, claims{Issuer: "https://elsewhere.conformance.test", Audience: audience, Expires: soon.Unix()})
			waitForIssuer(ctx, t, r, with(mine.token(t, claims{Issuer: mine.name, Audience: audience, Expires: soon.Unix()})))
			for _, a := range []attempt{
				{"no token", http.MethodGet, "/", nil, 403, denied(s, r.Name, 0)},
				{"an expired token", http.MethodGet, "/", with(mine.token(t, claims{Issuer: mine.name, Audience: audience, Expires: ago.Unix()})), 401, "jwt_authn_access_denied{Jwt_is_expired}"},
				{"a token for another audience", http.MethodGet, "/", with(mine.token(t, claims{Issuer: mine.name, Audience: "others", Expires: soon.Unix()})), 403, "jwt_authn_access_denied{Audiences_in_Jwt_are_not_allowed}"},
				{"a token signed by another key", http.MethodGet, "/", with(forger.token(t, claims{Issuer: mine.name, Audience: audience, Expires: soon.Unix()})), 401, "jwt_authn_access_denied{Jwt_verification_fails}"},
				{"a token of another issuer", http.MethodGet, "/", with(foreign), 401, "jwt_authn_access_denied{Jwt_issuer_is_not_configured}"},
			} {
				try(ctx, t, s, r.Host, a)
			}
			valid := with(mine.token(t, claims{Issuer: mine.name, Subject: "someone", Audience: audience, Expires: soon.Unix()}))
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
