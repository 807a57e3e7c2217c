package stack

import (
	"errors"
	"testing"

	"github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"istio-conformance/internal/cluster"
)

// mayCreate is an existing cluster in which the account may create one resource.
func mayCreate(resource string, err error) *Stack {
	kube := fake.NewClientset()
	kube.PrependReactor("create", "selfsubjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
		review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview)
		asked := review.Spec.ResourceAttributes
		review.Status.Allowed = asked.Verb == "create" && asked.Resource == resource
		return true, review, err
	})
	return &Stack{config: Config{Kubeconfig: "kubeconfig"}, Cluster: &cluster.Cluster{Clients: &cluster.Clients{Kube: kube}}}
}

func TestWhatIsNotAllowedIsSaid(t *testing.T) {
	g := gomega.NewWithT(t)
	s := mayCreate("namespaces", nil)
	g.Expect(s.WhyNoScratch()).To(gomega.BeEmpty())
	g.Expect(s.WhyNotAllowed("create", "security.istio.io", "authorizationpolicies")).
		To(gomega.Equal("the account may not create authorizationpolicies.security.istio.io, which istio-conformance rbac --write would allow"))
	g.Expect(mayCreate("virtualservices", nil).WhyNoScratch()).NotTo(gomega.BeEmpty())
	g.Expect(mayCreate("", errors.New("no answer")).WhyNoScratch()).To(gomega.BeEmpty(), "the check itself finds out")
	policed := mayCreate("namespaces", nil)
	policed.Cluster.Kube.(*fake.Clientset).PrependReactor("create", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New(`namespaces "a" is forbidden: ValidatingAdmissionPolicy 'owners' with binding 'all' denied request: no label team`)
	})
	g.Expect(policed.WhyNoScratch()).To(gomega.HaveSuffix("no label team"))
	g.Expect((&Stack{}).WhyNoScratch()).To(gomega.BeEmpty(), "a cluster of the harness's own")
}
