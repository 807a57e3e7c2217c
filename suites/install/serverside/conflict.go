package serverside

import (
	"context"
	"slices"
	"time"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// injector is the webhook configuration that chart istiod brings.
const injector = "istio-sidecar-injector"

// foreign is a change that somebody else makes to an object of a release.
type foreign struct {
	// manager is who makes it, and field what the refusal must name.
	manager, field string
	object         client.Object
	change         func()
	// taken says whether the object has the change.
	taken func() bool
}

var _ = Checks.AddAt(3, conflict)

// conflict has fields of two releases taken by others.
func conflict(s *stack.Stack) check.Check {
	return check.Check{
		Name: "conflict-names-owner",
		Promise: "an upgrade is refused where somebody else owns a field that the chart sets, names owner and field and leaves the field as it is; " +
			"with --force-conflicts Helm takes it",
		Timeout: 4 * time.Minute,
		SkipIf:  onlyHelm4(s),
		Breaks: []check.Break{{
			Name: "conflicts-forced", Promise: "an upgrade that takes the fields of others without being asked is noticed",
			Make: mutation.On(s, func(ctx context.Context, t *check.T, s *stack.Stack) {
				change(ctx, t, s, func(r *charts.Release) { r.ForceConflicts = true })
			}),
			Says: "takes a field that somebody else owns",
		}},
		Run: func(ctx context.Context, t *check.T) {
			scaled := spare(ctx, t, s, "scaled")
			_, err := s.Helm.Install(ctx, scaled)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			refused(ctx, t, s, scaled, scaler(scaled))
			refused(ctx, t, s, s.Releases[slices.IndexFunc(s.Releases, isIstiod)], enforcer())
		},
	}
}

// refused makes the change and upgrades the release against it.
func refused(ctx context.Context, t *check.T, s *stack.Stack, r charts.Release, f foreign) {
	t.Helper()
	key := client.ObjectKeyFromObject(f.object)
	has := func(ctx context.Context) bool {
		t.Expect(s.Client.Get(ctx, key, f.object)).To(gomega.Succeed())
		return f.taken()
	}
	t.Expect(has(ctx)).To(gomega.BeFalse(), "the control: %T %s before anybody changed it", f.object, key)
	forced := r
	forced.ForceConflicts, forced.ServerSide = true, true
	t.CleanupWithin(ctx, time.Minute, func(ctx context.Context) {
		if has(ctx) {
			_, err := s.Helm.Upgrade(ctx, forced)
			t.Expect(err).NotTo(gomega.HaveOccurred(), "give release %s its field back", r)
		}
	})
	f.change()
	t.Expect(s.Client.Update(ctx, f.object, client.FieldOwner(f.manager))).To(gomega.Succeed(), "as %s", f.manager)
	t.Diagnose("an upgrade takes a field that somebody else owns, without being asked", "look for --force-conflicts in what runs helm upgrade", link)
	_, err := s.Helm.Upgrade(ctx, r)
	t.Expect(err).To(gomega.HaveOccurred(), "upgrade of release %s against %s", r, f.manager)
	t.Diagnose("the refusal of an upgrade does not name owner and field", "read the message above", link)
	t.Expect(err).To(gomega.MatchError(gomega.And(gomega.MatchRegexp("conflicts? with %q", f.manager), gomega.ContainSubstring(f.field))), "upgrade of release %s", r)
	t.Diagnose("a refused upgrade changes the field all the same", "kubectl get --show-managed-fields", link)
	t.Expect(has(ctx)).To(gomega.BeTrue(), "the field is as %s left it", f.manager)
	t.Observe("%.400s", err)
	t.Diagnose("--force-conflicts does not give Helm a field that somebody else owns", "the message says why", link)
	_, err = s.Helm.Upgrade(ctx, forced)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(has(ctx)).To(gomega.BeFalse(), "the field is as the chart has it")
}

// scaler scales a Deployment as kubectl scale and an autoscaler do.
func scaler(r charts.Release) foreign {
	deployment := &appsv1.Deployment{}
	deployment.Namespace, deployment.Name = r.Namespace, r.Name
	return foreign{
		manager: "kubectl", field: ".spec.replicas", object: deployment,
		change: func() { deployment.Spec.Replicas = ptr.To[int32](1) },
		taken:  func() bool { return ptr.Deref(deployment.Spec.Replicas, 1) == 1 },
	}
}

// enforcer keeps the injector from a namespace as Azure's admissionsenforcer does:
// https://github.com/istio/istio/issues/60497
func enforcer() foreign {
	hooks := &admissionv1.MutatingWebhookConfiguration{}
	hooks.Name = injector
	const key = "control-plane"
	is := func(r metav1.LabelSelectorRequirement) bool { return r.Key == key }
	return foreign{
		manager: "admissionsenforcer", field: ".namespaceSelector", object: hooks,
		change: func() {
			for i := range hooks.Webhooks {
				selector := hooks.Webhooks[i].NamespaceSelector
				selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpDoesNotExist})
			}
		},
		taken: func() bool { return slices.ContainsFunc(hooks.Webhooks[0].NamespaceSelector.MatchExpressions, is) },
	}
}
