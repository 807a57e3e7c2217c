package stack

import (
	"fmt"
	"regexp"
	"strings"
)

// policies matches what the API server says where a rule of a cluster's owner does not
// take an object: Pod Security, quotas, limits, admission policies, and webhooks.
// https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
var policies = regexp.MustCompile(`violates PodSecurity "|(?:exceeded|failed) quota: (?P<quota>[^,:\s]+)|(?:minimum|maximum) \S+ usage per |limit to request ratio per |` +
	`ValidatingAdmissionPolicy '(?P<policy>[^']+)' with binding|admission webhook "(?P<webhook>[^"]+)" denied the request`)

// forbidden takes apart what the API server says of an object that its own rules refuse.
var forbidden = regexp.MustCompile(`(\S+) "[^"]+" is forbidden: (.*)`)

// Refused says which rule of somebody else's cluster does not take what a check makes,
// from the API server's words; empty where these name none. What the run itself and
// Istio's own webhooks refuse is no such rule, and in a cluster that is made here nothing is.
func (s *Stack) Refused(answer string) string {
	found := policies.FindStringSubmatch(answer)
	if !s.Existing() || found == nil {
		return ""
	}
	for i, name := range policies.SubexpNames() {
		if name != "" && (found[i] == testNamespace || strings.HasSuffix(found[i], ".istio.io")) {
			return ""
		}
	}
	if object := forbidden.FindStringSubmatch(answer); object != nil {
		// Without the object's name, which is another one in each check.
		return fmt.Sprintf("the cluster does not take the checks' %s: %s", object[1], object[2])
	}
	return "the cluster does not take what the check makes: " + answer
}
