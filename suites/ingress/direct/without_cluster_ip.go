package direct

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// serviceProxyName is the label that hands a Service to another service proxy:
// kube-proxy then drops its rules for it, and its virtual IP leads nowhere.
// https://kubernetes.io/docs/reference/labels-annotations-taints/#servicekubernetesioservice-proxy-name
const serviceProxyName = "service.kubernetes.io/service-proxy-name"

// parallelRequests need as many connections to the backend at once: most of
// them are made while the virtual IP leads nowhere.
const parallelRequests = 20

var _ = Checks.Add(withoutClusterIP)

// withoutClusterIP takes the Service's virtual IP away and sends traffic on.
func withoutClusterIP(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "direct-to-pods",
		SkipIf:   s.OursAlone("makes nodes forget connections"),
		Parallel: true,
		Promise:  "requests through the gateway succeed while the Service's ClusterIP is unreachable",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "direct-own-service", nil)
			service := &corev1.Service{}
			t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: r.Name}, service)).To(gomega.Succeed())
			dial := func(ctx context.Context) error { return dialVirtualIP(ctx, s, service.Spec.ClusterIP) }
			t.Diagnose("the control does not work: the virtual IP must be reachable from the gateway's pod before it is taken away",
				"look at kube-proxy's log and at the Service's EndpointSlices", "https://kubernetes.io/docs/reference/networking/virtual-ips/")
			t.Eventually(ctx, dial).Should(gomega.Succeed(), "connect to %s from the gateway's pod", service.Spec.ClusterIP)

			t.CleanupWithin(ctx, 2*kit.CleanupTimeout, func(ctx context.Context) { restore(ctx, t, s, service, dial) })
			t.Expect(setServiceProxy(ctx, s, service, "none")).To(gomega.Succeed())
			t.Eventually(ctx, dial).ShouldNot(gomega.Succeed(), "kube-proxy still serves %s", service.Spec.ClusterIP)
			t.Diagnose("requests fail while the Service's ClusterIP is unreachable",
				"compare the gateway's clusters in the evidence with the pods' addresses", "https://istio.io/latest/docs/concepts/traffic-management/")
			t.Expect(forgetConnections(ctx, s, service.Spec.ClusterIP)).To(gomega.Succeed())
			for i, response := range r.GetAtOnce(ctx, "/?delay=300ms", parallelRequests) {
				t.Expect(response.Status).To(gomega.Equal(200), "request %d of %d without the virtual IP: %s", i, parallelRequests, response)
			}
			t.Diagnose("the virtual IP came back by itself during the check", "run the check again; look for who else labels the Service", "")
			t.Expect(dial(ctx)).NotTo(gomega.Succeed(), "the virtual IP %s works again: what was seen proves nothing", service.Spec.ClusterIP)
			t.Observe("%d requests at once answered while %s was unreachable from the gateway's pod", parallelRequests, service.Spec.ClusterIP)
		},
	}
}

// forgetConnections makes every node forget the connections to an address that
// it translates. Without that a proxy which forwards to the virtual IP would go
// on over the connections that it has: the kernel still translates those.
func forgetConnections(ctx context.Context, s *stack.Stack, address string) error {
	return s.OnEachNode(func(node string) error {
		// Status 1 with this message means that there was none.
		_, err := s.Cluster.Exec(ctx, node, fmt.Sprintf("conntrack -D -d %s 2>&1 || conntrack -L -d %s 2>&1 | grep -q ' 0 flow entries'", address, address))
		return err
	})
}

// restore gives the Service back to kube-proxy and waits until it works.
func restore(ctx context.Context, t *check.T, s *stack.Stack, service *corev1.Service, dial func(context.Context) error) {
	if err := setServiceProxy(ctx, s, service, nil); err != nil {
		t.Errorf("give the Service back to kube-proxy: %v", err)
		return
	}
	t.Eventually(ctx, dial).WithTimeout(kit.CleanupTimeout).Should(gomega.Succeed(), "the virtual IP after the check")
}

// setServiceProxy labels a Service; nil removes the label.
func setServiceProxy(ctx context.Context, s *stack.Stack, service *corev1.Service, name any) error {
	value := "null"
	if name != nil {
		value = fmt.Sprintf("%q", name)
	}
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%s}}}`, serviceProxyName, value)
	return s.Client.Patch(ctx, service.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(patch)))
}

// errUnreachable is what dialVirtualIP finds when the backend does not answer.
var errUnreachable = errors.New("no answer of the backend within 2 s")

// askVirtualIP prints the status line that the backend answers with. A connection alone
// says nothing: what leaves by the default route may meet a proxy that takes them all.
const askVirtualIP = `timeout 2 bash -c 'exec 3<>/dev/tcp/%s/80 && printf "GET /name HTTP/1.1\r\nHost: backend\r\nConnection: close\r\n\r\n" >&3 && head -n 1 <&3' 2>&1 || echo refused $?`

// dialVirtualIP asks port 80 of an address from the gateway pod's own network
// namespace: asked from a node it could leave by the default route.
func dialVirtualIP(ctx context.Context, s *stack.Stack, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return gomega.StopTrying("find the gateway's pod").Wrap(err)
	}
	output, err := s.Cluster.PodNetns(ctx, pod.Namespace, pod.Name, fmt.Sprintf(askVirtualIP, address))
	switch {
	case err != nil:
		return gomega.StopTrying("enter the network namespace of the gateway's pod").Wrap(err)
	case strings.HasPrefix(output, "HTTP/1.1 200"):
		return nil
	default:
		return fmt.Errorf("%s:80: %w: %s", address, errUnreachable, output)
	}
}
