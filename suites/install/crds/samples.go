package crds

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
)

var _ = Checks.Add(samplesAccepted)

// samplesAccepted sends a valid object of each kind and version as a dry run.
func samplesAccepted(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "samples-accepted",
		Promise:  "a valid object of every kind and served version is accepted, as a dry run",
		Parallel: true,
		SkipIf:   func() string { return whyNoSamples(s) },
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("a valid object is refused",
				"the message says who refused it and why; helm upgrade istio-base replaces the schema", "https://istio.io/latest/docs/ops/common-problems/validation/")
			n := 0
			eachSample(ctx, t, s, func(sample istio.Sample, version string) {
				err := create(ctx, s, sample, version, sample.Valid)
				diagnoseNotServed(t, sample, version, err)
				t.Expect(err).To(gomega.Succeed(), "a valid %s of %s/%s", sample.Kind, sample.Group, version)
				n++
			})
			t.Observe("%d valid objects accepted", n)
		},
	}
}

var _ = Checks.Add(samplesRefused)

// samplesRefused sends invalid ones: each is wrong in one field only.
func samplesRefused(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "samples-refused",
		Promise:  "an object of every kind and served version with one invalid field is refused, and the refusal names the field",
		Parallel: true,
		SkipIf:   func() string { return cmp.Or(s.WhyUnvalidated(), whyNoSamples(s)) },
		Run: func(ctx context.Context, t *check.T) {
			n := 0
			eachSample(ctx, t, s, func(sample istio.Sample, version string) {
				name := fmt.Sprintf("an invalid %s of %s/%s", sample.Kind, sample.Group, version)
				t.Diagnose("the schema of CRD "+sample.Kind+" does not refuse what this version's does",
					"helm upgrade istio-base of this version", "https://istio.io/latest/docs/setup/upgrade/helm/")
				err := create(ctx, s, sample, version, sample.Schema.Spec)
				diagnoseNotServed(t, sample, version, err)
				t.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(sample.Schema.Names)), "%s", name)
				n++
				if sample.Istiod == nil {
					return
				}
				t.Diagnose("istiod does not refuse what its own rules forbid",
					"kubectl get validatingwebhookconfigurations -o yaml; chart base makes istiod-default-validator when defaultRevision is set",
					"https://istio.io/latest/docs/ops/common-problems/validation/")
				t.Expect(create(ctx, s, sample, version, sample.Istiod.Spec)).To(gomega.MatchError(gomega.And(
					gomega.ContainSubstring("admission webhook"), gomega.ContainSubstring(sample.Istiod.Names))), "%s", name)
				n++
			})
			t.Observe("%d invalid objects refused", n)
		},
	}
}

// whyNoSamples says why objects cannot be created even with dry run: the API server
// makes no difference between the two where it asks for rights.
func whyNoSamples(s *stack.Stack) string {
	for _, kind := range [][2]string{
		{"security.istio.io", "authorizationpolicies"}, {"telemetry.istio.io", "telemetries"}, {"extensions.istio.io", "wasmplugins"}, {"networking.istio.io", "gateways"},
	} {
		if why := s.WhyNotAllowed("create", kind[0], kind[1]); why != "" {
			return why
		}
	}
	return ""
}

// diagnoseNotServed names the cause of an error by which the API server says that
// it does not know the kind: nobody has judged the object.
func diagnoseNotServed(t *check.T, sample istio.Sample, version string, err error) {
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		t.Diagnose(fmt.Sprintf("the API server does not serve %s at %s/%s, which the chart has", sample.Kind, sample.Group, version),
			"helm upgrade istio-base of this version; if the CRD is right, look at its conditions", "https://istio.io/latest/docs/setup/upgrade/helm/")
	}
}

// eachSample calls f for every sample whose kind the chart has, and version that
// it serves; a kind of the chart without a sample fails the check.
func eachSample(ctx context.Context, t *check.T, s *stack.Stack, f func(sample istio.Sample, version string)) {
	t.Helper()
	samples, err := istio.Samples()
	t.Expect(err).NotTo(gomega.HaveOccurred())
	crds, err := s.ExpectedCRDs(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(crds).NotTo(gomega.BeEmpty())
	for _, crd := range crds {
		i := slices.IndexFunc(samples, func(x istio.Sample) bool { return x.Kind == crd.Kind && x.Group == crd.Group })
		if i < 0 && s.WhyNoRecord("base") != "" {
			continue // Which chart it is of is not known: another version may have left it.
		}
		t.Expect(i).To(gomega.BeNumerically(">=", 0), "fixtures/samples has no sample of %s, which chart base brings", crd.Name)
		for _, v := range crd.Versions {
			if v.Served {
				f(samples[i], v.Name)
			}
		}
	}
}

func create(ctx context.Context, s *stack.Stack, sample istio.Sample, version string, spec map[string]any) error {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": sample.Group + "/" + version,
		"kind":       sample.Kind,
		"metadata":   map[string]any{"generateName": "conformance-sample-", "namespace": metav1.NamespaceDefault},
		"spec":       numbers(spec),
	}}
	return s.Client.Create(ctx, object, client.DryRunAll)
}

// numbers returns a copy whose numbers have the types that unstructured objects
// may have.
func numbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		fields := map[string]any{}
		for name, field := range value {
			fields[name] = numbers(field)
		}
		return fields
	case []any:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = numbers(item)
		}
		return items
	case float64:
		if whole := int64(value); float64(whole) == value {
			return whole
		}
	}
	return value
}
