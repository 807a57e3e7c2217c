package diagnosis

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// produce is a symptom that is produced for real.
type produce struct {
	// symptom is the catalogue's entry, and the name of the fixture below
	// fixtures/symptoms where there is no do.
	symptom string
	// when says what is broken.
	when string
	// labels are those of the namespace that the fixture gets.
	labels map[string]string
	// do breaks the system and registers how to mend it; nil applies the fixture.
	do func(ctx context.Context, t *check.T, s *stack.Stack)
}

// injection enrols a namespace.
var injection = map[string]string{"istio-injection": "enabled"}

func produced() []produce {
	return []produce{
		{symptom: "image-auto", when: "a gateway's pod was made without injection"},
		{symptom: "image-registry-unreachable", when: "an image's registry does not answer"},
		{symptom: "out-of-memory", when: "a container has too small a limit of memory"},
		{symptom: "crash-loop", when: "a program ends again and again"},
		{symptom: "insufficient-resources", when: "no node has room for a pod"},
		{symptom: "unschedulable-taint", when: "a pod's selector matches no node"},
		{symptom: "service-account-missing", when: "a pod's ServiceAccount does not exist"},
		{symptom: "service-selects-nothing", when: "a Service's selector matches no pod"},
		{symptom: "service-target-port-unknown", when: "a Service leads to a port name that no container has"},
		{symptom: "load-balancer-pending", when: "nothing makes load balancers"},
		{symptom: "gateway-selector-mismatch", when: "a Gateway's selector matches no pod"},
		{symptom: "gateway-secret-missing", when: "the Secret of a TLS server does not exist"},
		{symptom: "gateway-port-not-exposed", when: "a Gateway's port is not on the Service"},
		{symptom: "virtualservice-gateway-missing", when: "a VirtualService names no existing Gateway"},
		{symptom: "route-host-missing", when: "a route's host does not exist"},
		{symptom: "route-subset-missing", when: "a route's subset is not defined"},
		{symptom: "route-subset-empty", when: "a subset's labels match no pod"},
		{symptom: "route-port-missing", when: "a route's port is not the Service's"},
		{symptom: "port-not-http", when: "an HTTP route leads to a port that is named tcp"},
		{symptom: "destination-rule-host-missing", when: "a DestinationRule's host does not exist"},
		{symptom: "plaintext-to-strict", when: "a DestinationRule turns off the mutual TLS that the pods insist on", labels: injection},
		{symptom: "mutual-tls-to-plaintext", when: "a DestinationRule wants mutual TLS of pods without a sidecar"},
		{symptom: "pod-security-forbids-init", when: "Pod Security refuses the sidecar's init container",
			labels: map[string]string{"istio-injection": "enabled", "pod-security.kubernetes.io/enforce": "baseline"}},
		{symptom: "revision-not-served", when: "a namespace asks for a revision that no istiod has", labels: map[string]string{"istio.io/rev": "none"}},
		{symptom: "webhook-left-over", when: "an uninstall left a webhook behind"},
		{symptom: "listener-rejected", when: "an EnvoyFilter makes a listener that Envoy refuses"},
		{symptom: "istiod-scaled-to-zero", when: "istiod has no replicas", do: func(ctx context.Context, t *check.T, s *stack.Stack) {
			mutation.Scale(ctx, t, s, stack.SystemNamespace, s.Revised("istiod"), 0)
		}},
	}
}

// prove breaks the system and asks until the symptom is the first cause.
func (p produce) prove(ctx context.Context, t *check.T, s *stack.Stack, all *accuracy) {
	namespace := "symptom-" + p.symptom
	// Registered first, and so done last: the next break is then the only one.
	t.CleanupWithin(ctx, time.Minute, func(ctx context.Context) { MustBeHealthy(ctx, t, s) })
	if p.do != nil {
		p.do(ctx, t, s)
	} else {
		p.apply(ctx, t, s, namespace)
	}
	var last *diagnose.Diagnosis
	// What comes first on the way there is not judged: a container that is killed for
	// its memory has to be started before.
	t.Cleanup(func() { all.judge(p.symptom, first(last)) })
	t.Eventually(ctx, func() ([]string, error) {
		var err error
		last, err = s.Diagnose(ctx, namespace)
		return first(last), err
	}).WithTimeout(symptomTimeout).WithPolling(askEvery).Should(gomega.Equal([]string{p.symptom}), func() string { return last.String() })
	finding := &last.Findings[0]
	t.Observe("%s; evidence: %s", finding.Cause(), finding.Evidence())
}

// apply makes the fixture's objects in a namespace of their own.
func (p produce) apply(ctx context.Context, t *check.T, s *stack.Stack, namespace string) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: p.labels}}
	mutation.Mend(ctx, t, func(ctx context.Context) {
		t.Expect(client.IgnoreNotFound(s.Client.Delete(ctx, ns))).To(gomega.Succeed(), "delete Namespace %s", namespace)
	})
	t.Eventually(ctx, func() error { return s.Client.Create(ctx, ns.DeepCopy()) }).WithTimeout(time.Minute).
		Should(gomega.Succeed(), "create Namespace %s, also when the last run's is still going", namespace)
	manifest, err := fixtures.Files.ReadFile("symptoms/" + p.symptom + ".yaml")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	objects, err := kube.Render(manifest, map[string]string{
		"Namespace": namespace, "GatewayNamespace": s.Gateway.Namespace, "Backend": s.Images.Backend, "Pilot": s.Images.Hub + "/pilot:" + s.Images.Tag,
	})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Mend(ctx, t, func(ctx context.Context) {
		t.Expect(kube.Delete(ctx, s.Client, objects)).To(gomega.Succeed(), "delete the objects of %s", p.symptom)
	})
	t.Expect(kube.Apply(ctx, s.Client, namespace, objects)).To(gomega.Succeed())
}
