package managed

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// goneTimeout bounds the removal of what istiod has deployed.
const goneTimeout = time.Minute

var _ = Checks.Add(deployed)

// deployed makes a Gateway and looks at what istiod makes of it, from the objects to the
// last of them gone.
func deployed(s *stack.Stack) check.Check {
	return check.Check{
		Name: "managed-gateway",
		Promise: "for a Gateway istiod deploys a Deployment, a Service and a ServiceAccount with the labels of its infrastructure and what its parameters add, " +
			"says address, conditions and attached routes, takes a Secret of another namespace only by a ReferenceGrant, and leaves nothing when the Gateway is deleted",
		Parallel: true, Long: true,
		Timeout: 4 * time.Minute,
		Breaks: []check.Break{{
			Name: "gateways-not-deployed", Promise: "an istiod that deploys no gateways is noticed",
			Make: func(ctx context.Context, t *check.T) {
				kit.SetIstiodEnv(ctx, t, s, "PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER", "false")
			},
			Says: "istiod deploys no gateway for a Gateway",
		}},
		Run: func(ctx context.Context, t *check.T) {
			kit.MustHaveGatewayAPI(ctx, t, s)
			g := newOwn(ctx, t, s)
			of := pod(ctx, t, s, g.name)
			mustHaveObjects(ctx, t, s, g.name)
			mustHaveStatus(ctx, t, s, g.name)
			g.mustServe(ctx, t, s, of)
			t.Diagnose("what istiod deployed for a Gateway stays when the Gateway is deleted", "look at the ownerReferences of what is left", link)
			t.Expect(kube.Delete(ctx, s.Client, g.objects)).To(gomega.Succeed())
			t.Eventually(ctx, func() ([]string, error) { return left(ctx, s, g.name) }).WithTimeout(goneTimeout).Should(gomega.BeEmpty(), "objects of a Gateway that is gone")
		},
	}
}

// own is a Gateway of the check's own.
type own struct {
	name, host string
	objects    []*unstructured.Unstructured
	authority  *kit.Authority
	// elsewhere is the namespace of its certificate.
	elsewhere string
}

func newOwn(ctx context.Context, t *check.T, s *stack.Stack) own {
	t.Helper()
	scratch, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	g := own{name: "managed-" + rand.String(5), elsewhere: scratch}
	g.host = g.name + ".managed.test"
	g.authority = kit.NewAuthority(t, "authority of "+g.host)
	secret := &corev1.Secret{Type: corev1.SecretTypeTLS, Data: g.authority.Issue(t, g.host).Secret()}
	secret.Namespace, secret.Name = scratch, g.name
	t.CleanupWithin(ctx, kit.CleanupTimeout, func(ctx context.Context) { t.Expect(s.Client.Delete(ctx, secret)).To(gomega.Succeed()) })
	t.Expect(s.Client.Create(ctx, secret)).To(gomega.Succeed())
	g.objects = kit.Apply(ctx, t, s, s.Namespace, "gateways/own.yaml", map[string]string{"Name": g.name, "Host": g.host, "SecretNamespace": scratch})
	return g
}

// mustHaveObjects looks at what istiod made.
func mustHaveObjects(ctx context.Context, t *check.T, s *stack.Stack, gateway string) {
	t.Helper()
	t.Diagnose("what istiod deploys for a Gateway lacks what its infrastructure or its parameters ask for", fix, link)
	deployment, service, account := &appsv1.Deployment{}, &corev1.Service{}, &corev1.ServiceAccount{}
	for _, object := range []client.Object{deployment, service, account} {
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: deploymentOf(gateway)}, object)).To(gomega.Succeed(), "%T of Gateway %s", object, gateway)
		t.Expect(object.GetLabels()).To(gomega.HaveKeyWithValue("conformance.test/infrastructure", gateway), "labels of %T", object)
		t.Expect(object.GetAnnotations()).To(gomega.HaveKeyWithValue("conformance.test/note", gateway), "annotations of %T", object)
		t.Expect(object.GetOwnerReferences()).To(gomega.ContainElement(gomega.And(gomega.HaveField("Kind", "Gateway"), gomega.HaveField("Name", gateway))), "owners of %T", object)
	}
	t.Expect(deployment.Annotations).To(gomega.HaveKeyWithValue("conformance.test/parameters", "deployment"), "by the ConfigMap of parametersRef")
	t.Expect(service.Annotations).To(gomega.HaveKeyWithValue("conformance.test/parameters", "service"), "by the ConfigMap of parametersRef")
	t.Expect(service.Spec.Type).To(gomega.Equal(corev1.ServiceTypeClusterIP), "by the ConfigMap of parametersRef")
	var ports []int32
	for _, p := range service.Spec.Ports {
		ports = append(ports, p.Port)
	}
	t.Expect(ports).To(gomega.ContainElements(int32(80), int32(443)), "ports of the Service: those of the listeners")
}

// mustHaveStatus looks at what the Gateway says of itself before its Secret is granted.
func mustHaveStatus(ctx context.Context, t *check.T, s *stack.Stack, gateway string) {
	t.Helper()
	t.Diagnose("a Gateway does not say what is true of it", fix, link)
	object, err := get(ctx, s, "Gateway", s.Namespace, gateway)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	addresses, _, err := unstructured.NestedSlice(object.Object, "status", "addresses")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(addresses).To(gomega.ConsistOf(gomega.HaveKeyWithValue("value", fmt.Sprintf("%s.%s.svc.cluster.local", deploymentOf(gateway), s.Namespace))), "addresses of the Gateway")
	t.Eventually(ctx, func() (map[string]listener, error) { return listeners(ctx, s, gateway) }).Should(gomega.And(
		gomega.HaveKeyWithValue("http", gomega.And(
			gomega.HaveField("Attached", int64(1)),
			gomega.HaveField("Conditions", gomega.And(gomega.HaveKeyWithValue("Accepted", "Accepted"), gomega.HaveKeyWithValue("Programmed", "Programmed"), gomega.HaveKeyWithValue("ResolvedRefs", "ResolvedRefs"))),
		)),
		gomega.HaveKeyWithValue("https", gomega.HaveField("Conditions", gomega.HaveKeyWithValue("ResolvedRefs", "RefNotPermitted"))),
	), "listeners: one with a route, and one whose Secret is in a namespace that has not permitted it")
}

// mustServe asks the Gateway in plain text, and over TLS once its Secret is granted.
func (g own) mustServe(ctx context.Context, t *check.T, s *stack.Stack, of corev1.Pod) {
	t.Helper()
	t.Diagnose("a gateway that istiod deployed does not serve an HTTPRoute", fix, link)
	url := fmt.Sprintf("http://127.0.0.1:%d/", kit.Forward(ctx, t, s, of, 80))
	t.Eventually(ctx, func() string {
		return probe.HTTP(ctx, probe.Request{URL: url, Host: g.host, Timeout: kit.ShortTimeout}).String()
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.HavePrefix(fmt.Sprintf("status %d", http.StatusOK)), "host %s by HTTP", g.host)
	t.Diagnose("a listener does not take a Secret of another namespace that a ReferenceGrant permits", fix, "https://gateway-api.sigs.k8s.io/api-types/referencegrant/")
	kit.Apply(ctx, t, s, g.elsewhere, "gateways/secret-grant.yaml", map[string]string{"Name": g.name, "From": s.Namespace})
	t.Eventually(ctx, func() (map[string]listener, error) { return listeners(ctx, s, g.name) }).WithTimeout(kit.PropagationTimeout).Should(
		gomega.HaveKeyWithValue("https", gomega.HaveField("Conditions", gomega.HaveKeyWithValue("ResolvedRefs", "ResolvedRefs"))), "the listener whose Secret is permitted now")
	secure := fmt.Sprintf("127.0.0.1:%d", kit.Forward(ctx, t, s, of, 443))
	trust := &tls.Config{ServerName: g.host, RootCAs: g.authority.Pool(), MinVersion: tls.VersionTLS12}
	t.Eventually(ctx, func() string {
		return probe.HTTP(ctx, probe.Request{URL: "https://" + g.host + "/", ConnectTo: secure, Timeout: kit.ShortTimeout, TLS: trust}).String()
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.HavePrefix(fmt.Sprintf("status %d", http.StatusOK)), "host %s by HTTPS, with the certificate of the Secret", g.host)
	t.Observe("Gateway %s served %s by HTTP, and by HTTPS once its Secret was permitted", g.name, g.host)
}

// left lists what there still is of a Gateway.
func left(ctx context.Context, s *stack.Stack, gateway string) ([]string, error) {
	var found []string
	for _, object := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}, &corev1.ServiceAccount{}} {
		err := s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: deploymentOf(gateway)}, object)
		if err == nil {
			found = append(found, strings.TrimPrefix(fmt.Sprintf("%T", object), "*"))
		} else if !apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	pods, err := s.Pods(ctx, s.Namespace, selector(gateway))
	for _, p := range pods {
		found = append(found, "pod "+p.Name)
	}
	return found, err
}
