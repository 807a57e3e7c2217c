// Package wire checks that bad input on the wire ends in a clean error: the
// gateway refuses it, goes on, and no request gets past its routes. What is sent
// is data: fixtures/wire/*.yaml.
package wire

import (
	"strings"

	"github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// atOnce is how many inputs are sent at the same time.
const atOnce = 4

// Checks are the checks of this feature.
var Checks kit.Checks

// load reads fixtures/wire/<name>.yaml; a field that the corpus has and the
// struct lacks is an error.
func load(t *check.T, name string, into any) {
	data, err := fixtures.Files.ReadFile("wire/" + name + ".yaml")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(yaml.UnmarshalStrict(data, into)).To(gomega.Succeed(), "wire/%s.yaml", name)
}

// address is where the gateway takes plain HTTP.
func address(s *stack.Stack) string { return strings.TrimPrefix(s.GatewayURL(), "http://") }
