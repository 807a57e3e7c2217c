// Package mesh is what the checks of the ambient profile share: pods without
// sidecars, requests from one to another, and the witnesses of how these went.
package mesh

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Labels and annotations of the ambient mode.
// https://istio.io/latest/docs/ambient/usage/add-workloads/
const (
	// ModeLabel enrols a pod, or keeps it out.
	ModeLabel = "istio.io/dataplane-mode"
	// Ambient is its value for a pod in the mesh.
	Ambient = "ambient"
	// None is its value for a pod that stays out, whatever its namespace says.
	None = "none"
	// redirection is what istio-cni writes on a pod whose traffic goes by ztunnel.
	redirection = "ambient.istio.io/redirection"
)

// Ports of a pod's Service.
const (
	HTTP      = 80
	OtherHTTP = 82
	TCP       = 9000
)

// PodHTTP is where a pod itself serves what its Service has at HTTP.
const PodHTTP = 8080

// Mesh is one check's own part of the mesh.
type Mesh struct {
	Namespace string
	// Name is unique to the check; its pods' label app.
	Name string

	stack *stack.Stack
}

// New returns a mesh without pods.
func New(ctx context.Context, t *check.T, s *stack.Stack, name string) Mesh {
	t.Helper()
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return Mesh{Namespace: namespace, Name: name + "-" + rand.String(5), stack: s}
}

// NewIn is New in a namespace of the check's own, which goes away with the check.
func NewIn(ctx context.Context, t *check.T, s *stack.Stack, name string) Mesh {
	t.Helper()
	m := Mesh{Name: name + "-" + rand.String(5), stack: s}
	m.Namespace = s.Namespace + "-" + m.Name
	ns := &corev1.Namespace{}
	ns.Name = m.Namespace
	t.Expect(s.Client.Create(ctx, ns)).To(gomega.Succeed())
	t.CleanupWithin(ctx, kit.CleanupTimeout, func(ctx context.Context) {
		if err := s.Client.Delete(ctx, ns); client.IgnoreNotFound(err) != nil {
			t.Errorf("remove Namespace %s: %v", ns.Name, err)
		}
	})
	return m
}

// Pod is a pod that is client and server at once.
type Pod struct {
	Name, Namespace, Node, IP string

	stack *stack.Stack
}

// Identity is the SPIFFE identity of the pod's service account.
func (p Pod) Identity() string {
	return fmt.Sprintf("spiffe://cluster.local/ns/%s/sa/%s", p.Namespace, p.Name)
}

// Host is the name of the pod's own Service.
func (p Pod) Host() string { return fmt.Sprintf("%s.%s.svc.cluster.local", p.Name, p.Namespace) }

// URL is where the pod's Service answers at a port.
func (p Pod) URL(port int) string { return fmt.Sprintf("http://%s:%d/", p.Host(), port) }

// Wanted is a pod as a check asks for it.
type Wanted struct {
	// Role makes the pod's name.
	Role string
	// Node is where it runs; Mode is Ambient or None, or empty for a pod whose
	// namespace decides.
	Node, Mode string
}

// Start applies pods, waits until they are ready and, those of mode Ambient,
// enrolled, and removes them when the check ends.
func (m Mesh) Start(ctx context.Context, t *check.T, wanted ...Wanted) []Pod {
	t.Helper()
	m.Apply(ctx, t, wanted...)
	var pods []Pod
	for _, w := range wanted {
		pods = append(pods, m.MustStart(ctx, t, w))
	}
	return pods
}

// Apply is the first half of Start: it does not wait.
func (m Mesh) Apply(ctx context.Context, t *check.T, wanted ...Wanted) {
	t.Helper()
	for _, w := range wanted {
		kit.Apply(ctx, t, m.stack, m.Namespace, "ambient/pod.yaml", map[string]string{
			"Name": m.Name + "-" + w.Role, "App": m.Name, "Node": w.Node, "Mode": w.Mode, "Backend": m.stack.Images.Backend,
		})
	}
}

// MustStart is the second half of Start for one pod.
func (m Mesh) MustStart(ctx context.Context, t *check.T, w Wanted) Pod {
	t.Helper()
	p := Pod{Name: m.Name + "-" + w.Role, Namespace: m.Namespace, Node: w.Node, stack: m.stack}
	p.IP = m.mustBeReady(ctx, t, p.Name)
	if w.Mode == Ambient {
		p.MustBeEnrolled(ctx, t, true)
	}
	return p
}

// mustBeReady waits until a pod is ready, and returns its address.
func (m Mesh) mustBeReady(ctx context.Context, t *check.T, name string) string {
	t.Helper()
	t.Diagnose("a pod of the check's own does not become ready", "look at the pods and events in the evidence; a pod that waits for its network waits for istio-cni",
		"https://istio.io/latest/docs/ambient/usage/troubleshoot-ztunnel/")
	var pods []corev1.Pod
	t.Eventually(ctx, func() ([]corev1.Pod, error) {
		var err error
		pods, err = m.stack.ReadyPods(ctx, m.Namespace, "pod="+name)
		return pods, err
	}).WithTimeout(kit.PodTimeout).Should(gomega.HaveLen(1), "pod %s ready\n%s", name, m.stack.DescribePods(ctx, m.Namespace))
	return pods[0].Status.PodIP
}

// MustBeEnrolled waits until istio-cni has sent a pod's traffic by ztunnel, or has
// ended that.
func (p Pod) MustBeEnrolled(ctx context.Context, t *check.T, enrolled bool) {
	t.Helper()
	want := gomega.HaveKeyWithValue(redirection, "enabled")
	if enrolled {
		t.Diagnose("istio-cni does not take a pod into the ambient mesh whose label asks for it: its traffic stays in plain text",
			"look at the log of the istio-cni-node pod of the pod's node, and at AMBIENT_ENABLED in ConfigMap istio-cni-config: the cni release needs profile=ambient",
			"https://istio.io/latest/docs/ambient/usage/add-workloads/")
	} else {
		t.Diagnose("istio-cni does not take a pod out of the ambient mesh whose label is gone", "look at the log of the istio-cni-node pod of the pod's node",
			"https://istio.io/latest/docs/ambient/usage/add-workloads/")
		want = gomega.Not(want)
	}
	pod := &corev1.Pod{}
	t.Eventually(ctx, func() (map[string]string, error) {
		err := p.stack.Client.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: p.Name}, pod)
		return pod.Annotations, err
	}).Should(want, "annotations of pod %s", p.Name)
}

// SetMode changes the label by which a pod is in the mesh, or is not; it does not
// wait.
func (p Pod) SetMode(ctx context.Context, t *check.T, mode string) {
	t.Helper()
	pod := &corev1.Pod{}
	pod.Namespace, pod.Name = p.Namespace, p.Name
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, ModeLabel, mode)
	t.Expect(p.stack.Client.Patch(ctx, pod, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed(), "label pod %s", p.Name)
}

// Outcome is what became of a request from a pod; see images/backend/ask.go.
type Outcome struct {
	Status int    `json:"status"`
	Body   string `json:"body"`
	Error  string `json:"error"`
	// Milliseconds is how long it took.
	Milliseconds int64 `json:"milliseconds"`
}

// String is the outcome in one line.
func (o Outcome) String() string {
	if o.Error != "" {
		return fmt.Sprintf("%s after %d ms", o.Error, o.Milliseconds)
	}
	return fmt.Sprintf("status %d: %.300s", o.Status, o.Body)
}

// askTimeout bounds one request from a pod.
const askTimeout = 5 * time.Second

// Ask sends one request from the pod, on a connection of its own. It is a process in
// the pod that asks: nothing but the pod's own network is between it and the server.
func (p Pod) Ask(ctx context.Context, method, url string) (Outcome, error) {
	output, err := p.stack.Cluster.PodExec(ctx, p.Namespace, p.Name, "backend",
		"/backend", "ask", "-method", method, "-id", p.Name, "-timeout", askTimeout.String(), url)
	if err != nil {
		return Outcome{}, err
	}
	var o Outcome
	if err := json.Unmarshal([]byte(output), &o); err != nil {
		return Outcome{}, fmt.Errorf("what pod %s was answered: %q: %w", p.Name, output, err)
	}
	return o, nil
}

// Get is Ask for a GET request, which must have an outcome.
func (p Pod) Get(ctx context.Context, t *check.T, url string) Outcome {
	t.Helper()
	o, err := p.Ask(ctx, "GET", url)
	t.Expect(err).NotTo(gomega.HaveOccurred(), "ask %s from pod %s", url, p.Name)
	return o
}

// MustReach asserts that the pod gets an answer from a server at a URL, and that it
// is the server who answers.
func (p Pod) MustReach(ctx context.Context, t *check.T, server Pod, url string) {
	t.Helper()
	o := p.Get(ctx, t, url)
	t.Expect(o.Status).To(gomega.Equal(200), "pod %s asks %s: %s", p.Name, url, o)
	var answer kit.Answer
	t.Expect(json.Unmarshal([]byte(o.Body), &answer)).To(gomega.Succeed(), "the answer is not the backend's: %s", o)
	t.Expect(answer.Pod).To(gomega.Equal(server.Name), "who answers pod %s at %s", p.Name, url)
}

// MustBeRefused waits until the pod gets no answer at a URL.
func (p Pod) MustBeRefused(ctx context.Context, t *check.T, url string) Outcome {
	t.Helper()
	var o Outcome
	t.Eventually(ctx, func() (string, error) {
		var err error
		o, err = p.Ask(ctx, "GET", url)
		return o.Error, err
	}).WithTimeout(kit.PropagationTimeout).ShouldNot(gomega.BeEmpty(), "pod %s asks %s and must not be answered", p.Name, url)
	return o
}
