package stack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
)

// InNamespace reports whether checks make pods and routes in one namespace of a cluster
// that is somebody else's.
func (s *Stack) InNamespace() bool { return s.Existing() && s.config.Scope == ScopeNamespace }

// WhyNotMade says why a check that makes pods and routes cannot be made; empty when
// it can.
func (s *Stack) WhyNotMade() string {
	switch {
	case !s.Existing():
		return ""
	case s.config.Scope != ScopeNamespace:
		return "an existing cluster is only read; with SCOPE=namespace the checks make what they need in one namespace"
	case s.noBackend != "":
		return s.noBackend
	default:
		return s.WhyNoScratch()
	}
}

// WhyScoped says why nothing that a check makes is routed by a gateway that was there
// before; empty when it is.
func (s *Stack) WhyScoped() string {
	if !s.Existing() || !s.scoped {
		return ""
	}
	return "istiod runs with " + scopeVariable + "=true, so that Gateway resources in the namespace of the checks do not count for the gateway in " + s.Gateway.Namespace
}

// WhyNotRouted says why a check that has the gateway under test route something cannot be
// made; empty when it can.
func (s *Stack) WhyNotRouted() string { return cmp.Or(s.WhyScoped(), s.WhyNotMade()) }

// OursAlone returns a check's SkipIf for what it does to no cluster but the harness's own.
func (s *Stack) OursAlone(does string) func() string {
	return func() string {
		switch {
		case !s.Existing():
			return ""
		case s.config.Scope != ScopeNamespace:
			return s.WhyNotOurs()
		default:
			return "the check " + does + ", which is done only in a cluster that is made here"
		}
	}
}

// Domain is what the hosts of the checks are below.
func (s *Stack) Domain() string {
	if suffix, own := strings.CutPrefix(s.Namespace, testNamespace+"-"); own {
		return suffix + "." + hostDomain
	}
	return hostDomain
}

// hostDomain is below a top-level domain that nobody can have (RFC 2606).
const hostDomain = "conformance.test"

// FixtureValues is what every fixture's template knows of where the checks run.
func (s *Stack) FixtureValues() map[string]string {
	// A map of strings always has a JSON form, which is YAML's flow style too.
	labels, _ := json.Marshal(s.Gateway.Labels)
	return map[string]string{
		"GatewayLabels": string(labels), "Domain": s.Domain(), "Owner": s.Namespace,
		"SharedGateway": cmp.Or(s.Gateway.resource, sharedGateway),
		"HTTPPort":      strconv.Itoa(int(s.Gateway.HTTP.Number)), "HTTPSPort": strconv.Itoa(int(s.Gateway.HTTPS.Number)),
	}
}

// OwnerLabels mark an object of the run's that is in another namespace than its own.
func (s *Stack) OwnerLabels() map[string]string { return map[string]string{ownerLabel: s.Namespace} }

// ownNamespace gives the run a namespace, and its hosts a domain, that no other run has.
func (s *Stack) ownNamespace() { s.Namespace = testNamespace + "-" + rand.String(6) }

// removeMarked deletes the Secrets that an interrupted check has left with the gateway.
func (s *Stack) removeMarked(ctx context.Context) error {
	err := s.Cluster.Kube.CoreV1().Secrets(s.Gateway.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: ownerLabel + "=" + s.Namespace})
	if err != nil {
		return fmt.Errorf("delete the Secrets of the run in namespace %s: %w", s.Gateway.Namespace, err)
	}
	return nil
}
