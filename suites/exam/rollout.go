package exam

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/mesh/kube"
	"istio-conformance/suites/kit"
)

// rolloutTimeout bounds the replacement of a Deployment's pods.
const rolloutTimeout = 2 * time.Minute

// restart replaces all pods of a Deployment and waits until only new ones are left.
func (p *player) restart(ctx context.Context, name string) {
	namespace, deployment, _ := strings.Cut(name, "/")
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: p.place(namespace), Name: deployment}}
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"conformance/restarted":%q}}}}}`, rand.String(8))
	p.t.Expect(p.stack.Client.Patch(ctx, d, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed(), "restart Deployment %s", name)
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	object.SetNamespace(d.Namespace)
	object.SetName(d.Name)
	p.rolledOut(ctx, object)
}

// rolledOut waits until a Deployment has no pods but those of its newest template;
// of other kinds there is nothing to wait for.
func (p *player) rolledOut(ctx context.Context, object *unstructured.Unstructured) {
	if object.GetKind() != "Deployment" {
		return
	}
	d := &appsv1.Deployment{}
	p.t.Eventually(ctx, func() (bool, error) {
		if err := p.stack.Client.Get(ctx, client.ObjectKeyFromObject(object), d); err != nil {
			return false, err
		}
		pods, err := p.stack.Pods(ctx, d.Namespace, metav1.FormatLabelSelector(d.Spec.Selector))
		s := d.Status
		return s.ObservedGeneration == d.Generation && s.UpdatedReplicas == s.Replicas && s.ReadyReplicas == s.Replicas && len(pods) == int(s.Replicas), err
	}).WithTimeout(rolloutTimeout).Should(gomega.BeTrue(), "rollout of %s: %s", kube.Name(object), p.stack.DescribePods(ctx, object.GetNamespace()))
	if d.Labels["app"] == "istiod" {
		kit.MustJudge(ctx, p.t, p.stack)
	}
}

// mustHavePods waits until the report's own Deployments are ready: what a request meets
// before is not what the report is about.
func (p *player) mustHavePods(ctx context.Context) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("DeploymentList"))
	p.t.Expect(p.stack.Client.List(ctx, list, client.InNamespace(p.Namespace))).To(gomega.Succeed())
	for i := range list.Items {
		p.rolledOut(ctx, &list.Items[i])
	}
}
