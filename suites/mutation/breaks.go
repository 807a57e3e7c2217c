package mutation

import (
	"context"
	"maps"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// MendTimeout bounds how long it may take to undo a mutation; it is apart from
// the check's own time, which may be used up.
const MendTimeout = 2 * time.Minute

// Mend registers how to undo a mutation, with a context that outlives the check.
func Mend(ctx context.Context, t *check.T, undo func(ctx context.Context)) {
	t.CleanupWithin(ctx, MendTimeout, undo)
}

// Remove deletes an object and puts it back in the end.
func Remove(ctx context.Context, t *check.T, s *stack.Stack, object client.Object) {
	t.Expect(s.Client.Delete(ctx, object)).To(gomega.Succeed(), "%T %s", object, object.GetName())
	Mend(ctx, t, func(ctx context.Context) { PutBack(ctx, t, s, object) })
}

// PutBack creates an object again that was deleted.
func PutBack(ctx context.Context, t *check.T, s *stack.Stack, object client.Object) {
	object.SetResourceVersion("")
	object.SetUID("")
	t.Expect(s.Client.Create(ctx, object)).To(gomega.Succeed(), "put %T %s back", object, object.GetName())
}

// Label sets a namespace's label, or removes it when the value is empty, and
// gives it its old value in the end.
func Label(ctx context.Context, t *check.T, s *stack.Stack, namespace, key, value string) {
	set := func(ctx context.Context, value string) (old string, err error) {
		ns := &corev1.Namespace{}
		if err := s.Client.Get(ctx, client.ObjectKey{Name: namespace}, ns); err != nil {
			return "", err
		}
		patch := client.MergeFrom(ns.DeepCopy())
		old = ns.Labels[key]
		if value == "" {
			delete(ns.Labels, key)
		} else {
			ns.Labels[key] = value
		}
		return old, s.Client.Patch(ctx, ns, patch)
	}
	old, err := set(ctx, value)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	Mend(ctx, t, func(ctx context.Context) {
		_, err := set(ctx, old)
		t.Expect(err).NotTo(gomega.HaveOccurred(), "give label %s its old value", key)
	})
}

// Scale changes a Deployment's replicas, waits until it has them and no other pod
// is left, and gives it its old number in the end. A pod that is being deleted serves
// on for a while, and kube-proxy leads to it when there is no other.
func Scale(ctx context.Context, t *check.T, s *stack.Stack, namespace, name string, replicas int32) {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	key := client.ObjectKeyFromObject(deployment)
	t.Expect(s.Client.Get(ctx, key, deployment)).To(gomega.Succeed())
	old := ptr.Deref(deployment.Spec.Replicas, 1)
	set := func(ctx context.Context, replicas int32) {
		patch := client.MergeFrom(deployment.DeepCopy())
		deployment.Spec.Replicas = &replicas
		t.Expect(s.Client.Patch(ctx, deployment, patch)).To(gomega.Succeed())
		t.Eventually(ctx, func() (int32, error) {
			err := s.Client.Get(ctx, key, deployment)
			return deployment.Status.ReadyReplicas, err
		}).WithTimeout(MendTimeout).Should(gomega.Equal(replicas), "ready replicas of Deployment %s", key)
		t.Eventually(ctx, func() (int, error) {
			pods, err := s.Pods(ctx, namespace, metav1.FormatLabelSelector(deployment.Spec.Selector))
			return len(pods), err
		}).WithTimeout(MendTimeout).Should(gomega.BeEquivalentTo(replicas), "pods of Deployment %s, also such as are being deleted", key)
	}
	Mend(ctx, t, func(ctx context.Context) { set(ctx, old) })
	set(ctx, replicas)
}

// Fixture fills fixtures/mutations/<name>.yaml with values, and with where the checks run.
func Fixture(s *stack.Stack, name string, values map[string]string) ([]*unstructured.Unstructured, error) {
	manifest, err := fixtures.Files.ReadFile("mutations/" + name + ".yaml")
	if err != nil {
		return nil, err
	}
	all := s.FixtureValues()
	maps.Copy(all, values)
	return kube.Render(manifest, all)
}

// ApplyFixture applies fixtures/mutations/<name>.yaml beside the gateway and
// deletes it in the end.
func ApplyFixture(ctx context.Context, t *check.T, s *stack.Stack, name string, values map[string]string) {
	objects, err := Fixture(s, name, values)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(kube.Apply(ctx, s.Client, s.Gateway.Namespace, objects)).To(gomega.Succeed())
	Mend(ctx, t, func(ctx context.Context) { t.Expect(kube.Delete(ctx, s.Client, objects)).To(gomega.Succeed()) })
}

// WithFixture returns a Break that applies fixtures/mutations/<name>.yaml. Its
// template knows Namespace, that of the checks, and what values add.
func WithFixture(name string, values map[string]string) func(context.Context, *check.T, *stack.Stack) {
	return func(ctx context.Context, t *check.T, s *stack.Stack) {
		all := map[string]string{"Namespace": s.Namespace}
		maps.Copy(all, values)
		ApplyFixture(ctx, t, s, name, all)
	}
}

// EveryRoute merges an action, in YAML's flow style, into every route of the gateway that
// leads to a cluster.
func EveryRoute(action string) func(context.Context, *check.T, *stack.Stack) {
	return WithFixture("every-route", map[string]string{"Action": action})
}

// HideRules hides the DestinationRules of the checks' Services from the gateway,
// behind one with a traffic policy, in YAML's flow style.
func HideRules(policy string) func(context.Context, *check.T, *stack.Stack) {
	return WithFixture("rule-hidden", map[string]string{"Policy": policy})
}

// SlowGateway makes the Envoys of the gateway under test wait 5 ms with every
// request, and no other gateway's.
func SlowGateway(ctx context.Context, t *check.T, s *stack.Stack) {
	slowGateway(ctx, t, s, "slow", nil)
}

// CostlyGateway makes the Envoys of the gateway under test use a millisecond of CPU
// time more for every request, and no other gateway's.
func CostlyGateway(ctx context.Context, t *check.T, s *stack.Stack) {
	slowGateway(ctx, t, s, "costly", map[string]string{"Seconds": "0.001"})
}

func slowGateway(ctx context.Context, t *check.T, s *stack.Stack, how string, values map[string]string) {
	all := map[string]string{"App": s.Gateway.Release}
	maps.Copy(all, values)
	ApplyFixture(ctx, t, s, how+"-gateway", all)
	t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "config_dump") }).
		Should(gomega.ContainSubstring("conformance."+how), "the gateway's configuration")
}
