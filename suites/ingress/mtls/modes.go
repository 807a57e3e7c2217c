package mtls

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// mode is a port of fixtures/mtls/modes.yaml and what its mode means for clients.
type mode struct {
	name string
	port int
	// secured says that the gateway comes by mutual TLS, plain that a client
	// without TLS is answered.
	secured, plain bool
}

var portModes = []mode{
	{"permissive", 8080, true, true},
	{"strict", 8083, true, false},
	{"disable", 8084, false, true},
}

var _ = Checks.Add(modes)

// modes asks the three ports of one pod through the gateway, which is in the
// mesh, and from the pod's node, which is not.
func modes(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "mtls-modes",
		Parallel: true,
		Promise:  "of one pod's ports, STRICT refuses plain text and takes the gateway by mutual TLS, PERMISSIVE takes both, DISABLE takes both in plain text",
		Run: func(ctx context.Context, t *check.T) {
			name := "mtls-modes-" + rand.String(5)
			host := name + "." + s.Domain()
			kit.Apply(ctx, t, s, s.Namespace, "mtls/modes.yaml", map[string]string{"Name": name, "Host": host, "Backend": s.Images.Backend})
			pod := readyPod(ctx, t, s, "app="+name)
			ask, from := outsider(ctx, t, s, pod)
			for _, m := range portModes {
				throughGateway(ctx, t, s, host, m)
				fromOutside(ctx, t, s, pod, m, ask, from)
			}
		},
	}
}

// readyPod waits for the one pod of a selector.
func readyPod(ctx context.Context, t *check.T, s *stack.Stack, selector string) corev1.Pod {
	t.Diagnose("a meshed pod of the check does not become ready", "look at the pods and events in the evidence", "https://istio.io/latest/docs/ops/common-problems/injection/")
	return kit.MustHavePods(ctx, t, s, s.Namespace, selector, 1)[0]
}

// throughGateway asks a port through the gateway until the answer is as the mode
// says: the gateway learns of a pod and of its mode at different times.
func throughGateway(ctx context.Context, t *check.T, s *stack.Stack, host string, m mode) {
	t.Diagnose("the gateway does not come "+map[bool]string{true: "by mutual TLS", false: "in plain text"}[m.secured]+" to a port of mode "+m.name+", or gets no answer there",
		"look at the transport socket of the cluster and the endpoint's metadata in the gateway's config dump in the evidence, and for a DestinationRule of the mesh that covers its host", docs)
	gateway := s.Identity(s.Gateway.Namespace, s.Gateway.ServiceAccount)
	want := ""
	if m.secured {
		want = gateway
	}
	var answer kit.Answer
	t.Eventually(ctx, func() (string, error) {
		response := probe.HTTP(ctx, probe.Request{URL: s.GatewayURL() + "/" + m.name, Host: host, Timeout: kit.ShortTimeout})
		if response.Status != http.StatusOK {
			return "", fmt.Errorf("%s", response)
		}
		answer = kit.ParseAnswer(t, response)
		return clientCertificate(answer)["URI"], nil
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(want), "client that port %d, mode %s, sees when the gateway asks", m.port, m.name)
	t.Expect(answer.Port).To(gomega.Equal(m.port), "port that the backend was asked at")
	t.Observe("port %d, %s: the gateway is %q", m.port, m.name, want)
}

// outsider returns what asks a URL in plain text from outside the mesh, and where that is:
// the pod's node, or in somebody else's cluster a pod of the check's own. The status is 000
// when no answer comes; curl's own status says why.
func outsider(ctx context.Context, t *check.T, s *stack.Stack, pod corev1.Pod) (ask func(url, id string) (string, error), from string) {
	if s.InNamespace() {
		client := kit.NewOutsider(ctx, t, s)
		return func(url, id string) (string, error) { return client.Ask(ctx, url, id) }, "a pod without a sidecar"
	}
	return func(url, id string) (string, error) {
		script := fmt.Sprintf("curl -s -o /dev/null -w '%%{http_code}' --max-time 10 -H 'x-conformance-id: %s' %s || echo \" curl $?\"", id, url)
		out, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, script)
		return strings.TrimSpace(out), err
	}, "node " + pod.Spec.NodeName
}

// fromOutside asks a port in plain text from outside the mesh.
func fromOutside(ctx context.Context, t *check.T, s *stack.Stack, pod corev1.Pod, m mode, send func(url, id string) (string, error), from string) {
	t.Diagnose(fmt.Sprintf("a port of mode %s does not treat plain text as it should: answered is %v", m.name, m.plain),
		"look at the inbound filter chains of the pod's sidecar: istioctl proxy-config listener, port 15006", docs)
	var id string
	ask := func() (string, error) {
		id, _ = kit.Mark()
		return send("http://"+net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(m.port))+"/", id)
	}
	want, arrived := gomega.Equal("200"), 1
	if !m.plain {
		// 52: nothing came back; 56: reset.
		want, arrived = gomega.MatchRegexp(`^000 curl (52|56)$`), 0
	}
	var last string
	t.Eventually(ctx, func() (string, error) {
		var err error
		last, err = ask()
		return last, err
	}).WithTimeout(kit.PropagationTimeout).Should(want, "plain text from %s to port %d, mode %s", from, m.port, m.name)
	t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.PodLog(ctx, s, "app="+pod.Labels["app"], id) }).
		Should(gomega.HaveLen(arrived), "the backend's own log of plain text at port %d, mode %s", m.port, m.name)
	t.Observe("port %d, %s: plain text from %s: %s", m.port, m.name, from, last)
}
