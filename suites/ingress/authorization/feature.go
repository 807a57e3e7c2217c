// Package authorization checks that the gateway lets in what its policies say, by
// path, method, address and token, and says whom it denied and why.
package authorization

import (
	"context"
	"fmt"
	"net/http"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// docs is where Istio documents policies at a gateway.
const docs = "https://istio.io/latest/docs/tasks/security/authorization/authz-ingress/"

// Checks are the checks of this feature. Policies of a gateway are in its own namespace.
var Checks = kit.Checks{On: (*stack.Stack).Beside}

// attempt is a request and what must become of it.
type attempt struct {
	what           string
	method, target string
	header         http.Header
	status         int
	// details is what the gateway's access log says of who answered.
	details string
}

// denied is what the access log says of a rule of the check's policy; Istio names
// the policy with its namespace.
func denied(s *stack.Stack, policy string, rule int) string {
	return fmt.Sprintf("rbac_access_denied_matched_policy[ns[%s]-policy[%s]-rule[%d]]", s.Gateway.Namespace, policy, rule)
}

// passed is what the access log says of a request that the backend answered.
const passed = "via_upstream"

// settle waits until the gateway acts on the policies: until a request is
// denied that is denied only by them.
func settle(ctx context.Context, t *check.T, s *stack.Stack, host, target string) {
	t.Diagnose("the gateway does not act on an AuthorizationPolicy of its own",
		"look for the rbac filter in the gateway's listener in the config dump in the evidence, and whether the policy's selector and namespace are the gateway's", docs)
	var last probe.Response
	t.Eventually(ctx, func() int {
		last = probe.HTTP(ctx, probe.Request{URL: s.GatewayURL() + target, Host: host, Timeout: kit.ShortTimeout})
		return last.Status
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusForbidden), func() string { return fmt.Sprintf("%s%s: %s", host, target, last) })
}

// try sends a request and asserts its status, what reached the backend, and the
// gateway's own account of it.
func try(ctx context.Context, t *check.T, s *stack.Stack, host string, a attempt) kit.Answer {
	id, header := kit.Mark()
	for name, values := range a.header {
		header[name] = values
	}
	target := a.target + "?id=" + id
	response := probe.HTTP(ctx, probe.Request{Method: a.method, URL: s.GatewayURL() + target, Host: host, Headers: header})
	t.Expect(response.Status).To(gomega.Equal(a.status), "%s: %s: %s", a.what, response, response.Body)
	return judge(ctx, t, s, id, a)
}

// judge asserts what the backend and the gateway logged of a request.
func judge(ctx context.Context, t *check.T, s *stack.Stack, id string, a attempt) kit.Answer {
	t.Eventually(ctx, func() ([]string, error) { return details(ctx, s, id) }).
		Should(gomega.ConsistOf(gomega.ContainSubstring(a.details)), "%s: response_code_details in the gateway's access log", a.what)
	t.Observe("%s: %d, %s", a.what, a.status, a.details)
	var arrived []kit.Answer
	if a.details == passed {
		t.Eventually(ctx, func() ([]kit.Answer, error) {
			var err error
			arrived, err = kit.BackendLog(ctx, s, id)
			return arrived, err
		}).Should(gomega.HaveLen(1), "%s: the backend's own log", a.what)
		return arrived[0]
	}
	arrived, err := kit.BackendLog(ctx, s, id)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(arrived).To(gomega.BeEmpty(), "%s: a denied request at the backend", a.what)
	return kit.Answer{}
}

func details(ctx context.Context, s *stack.Stack, id string) ([]string, error) {
	entries, err := kit.AccessLog(ctx, s, id)
	var found []string
	for i := range entries {
		found = append(found, entries[i].Details)
	}
	return found, err
}
