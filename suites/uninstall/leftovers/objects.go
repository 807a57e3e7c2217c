package leftovers

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.AddAt(1, objects)

// objects looks at every kind of object that the API server can list.
func objects(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "leftovers",
		Promise: "an uninstalled Istio leaves its CRDs, its root certificate and the records of its leaders, and nothing else",
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("helm uninstall left something of Istio's behind; a webhook without its istiod refuses what it matches, a role keeps its rights",
				"look who made it: Helm deletes only what its releases own; revision tags, gateways of the Gateway API and objects made by hand are not among it; delete what is named above",
				"https://istio.io/latest/docs/setup/install/helm/#uninstall")
			kinds, err := kit.ListableKinds(s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			// Objects of Istio's own kinds are the user's.
			kinds = slices.DeleteFunc(kinds, kit.Listable.OfIstio)
			t.Expect(len(kinds)).To(gomega.BeNumerically(">", 20), "kinds that can be listed")
			var last []string
			// What its owner's end takes along goes a moment later.
			t.Eventually(ctx, func() ([]string, error) {
				found, err := find(ctx, s, kinds)
				if err != nil {
					return nil, err
				}
				last = found
				return slices.DeleteFunc(slices.Clone(found), allowed), nil
			}).Should(gomega.BeEmpty())
			t.Observe("looked at %d kinds; left as expected: %s", len(kinds), strings.Join(shorten(last), ", "))
		},
	}
}

// may are what Istio leaves on purpose or by its design, as "<kind> <name>" or
// "<kind> <namespace>/<name>".
var may = []*regexp.Regexp{
	// The charts say that Helm must keep them; each brings its APIServices.
	regexp.MustCompile(`^CustomResourceDefinition [a-z]+\.[a-z]+\.istio\.io$`),
	regexp.MustCompile(`^APIService v[0-9a-z]+\.[a-z]+\.istio\.io$`),
	// Istiod makes them itself where the Gateway API is installed; no chart owns them.
	// https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/
	regexp.MustCompile(`^GatewayClass istio(-remote|-waypoint)?$`),
	// Named after the cluster, which may have Istio in its own name.
	regexp.MustCompile(`^(Node|CSINode|Lease kube-node-lease/)[ ]?[-a-z0-9.]+$`),
	// Made by the harness, or by an operator, before the charts.
	regexp.MustCompile(`^Namespace istio-(system|ingress|conformance[-a-z0-9]*)$`),
	// Written by istiod and by no release: the root that workloads trust...
	regexp.MustCompile(`^ConfigMap [^/]+/istio-ca-(root-cert|crl)$`),
	regexp.MustCompile(`^Secret istio-system/istio-ca-secret$`),
	// ...and which istiod leads in what.
	regexp.MustCompile(`^ConfigMap istio-system/istio-(leader|.*-election|.*-leader|ip-autoallocate)$`),
	regexp.MustCompile(`^Lease istio-system/istio-.*$`),
	// Kubernetes gives these to every namespace.
	regexp.MustCompile(`^ConfigMap [^/]+/kube-root-ca\.crt$`),
	regexp.MustCompile(`^ServiceAccount [^/]+/default$`),
}

func allowed(object string) bool {
	return slices.ContainsFunc(may, func(r *regexp.Regexp) bool { return r.MatchString(object) })
}

// find returns all that is in Istio's namespaces, and all that is Istio's by its
// name or labels elsewhere, but for the tests' own namespaces.
func find(ctx context.Context, s *stack.Stack, kinds []kit.Listable) ([]string, error) {
	var found []string
	for _, k := range kinds {
		items, err := k.List(ctx, s)
		if err != nil {
			return nil, err
		}
		for i := range items {
			o := &items[i]
			home := o.GetNamespace() == stack.SystemNamespace || o.GetNamespace() == s.Gateway.Namespace
			foreign := o.GetNamespace() != "" && strings.HasPrefix(o.GetNamespace(), s.Namespace) && !strings.HasPrefix(o.GetName(), "istio-ca-")
			if home || !foreign && ofIstio(o.GetName(), o.GetLabels()) {
				found = append(found, k.Name(o))
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// ofIstio reports whether the name or the labels are of Istio's charts or istiod.
func ofIstio(name string, labels map[string]string) bool {
	return strings.Contains(name, "istio") || labels["istio.io/rev"] != "" || labels["app.kubernetes.io/part-of"] == "istio"
}

// shorten counts the objects that only a number of tells.
func shorten(objects []string) []string {
	counts := map[string]int{}
	var rest []string
	for _, o := range objects {
		word, name, _ := strings.Cut(o, " ")
		switch {
		case word == "CustomResourceDefinition", word == "APIService":
			counts[word+"s"]++
		case strings.HasSuffix(name, "/istio-ca-root-cert"), strings.HasSuffix(name, "/istio-ca-crl"):
			counts["ConfigMaps "+name[strings.Index(name, "/")+1:]]++
		case strings.HasPrefix(word, "Namespace"), strings.HasSuffix(name, "kube-root-ca.crt"), strings.HasSuffix(name, "/default"):
		default:
			rest = append(rest, o)
		}
	}
	for name, n := range counts {
		rest = append(rest, fmt.Sprintf("%d %s", n, name))
	}
	slices.Sort(rest)
	return rest
}
