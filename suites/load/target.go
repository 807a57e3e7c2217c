package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/cluster"
	"istio-conformance/internal/project"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

const (
	// backendSelector matches the pod of fixtures/apps/load.yaml, backendName is
	// its Service.
	backendSelector = "app=load-backend"
	backendName     = "load-backend"
	// readyTimeout bounds the time until that pod is ready.
	readyTimeout = 2 * time.Minute
	// generatorName is the program that sends the load.
	generatorName = "load-generator"
)

// target is what is measured: a pod behind the gateway, and the two ways to it.
type target struct {
	stack *stack.Stack
	// node is where the gateway and the backend run, and where the load begins.
	node             string
	gateway, backend corev1.Pod
	// through and direct are the URLs of the gateway's node port and of the
	// backend's own, host is what the gateway routes.
	through, direct, host string
	program               string
}

// newTarget deploys the backend beside the gateway, and waits until both ways to
// it are served. It is removed when the check ends.
func newTarget(ctx context.Context, t *check.T, s *stack.Stack) *target {
	gateway, err := s.GatewayPod(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	x := &target{stack: s, node: gateway.Spec.NodeName, gateway: gateway}
	t.Diagnose("the backend of the latency checks does not become ready",
		"look at its pod and events in the evidence", "https://istio.io/latest/docs/ops/common-problems/injection/")
	kit.Apply(ctx, t, s, s.Namespace, "apps/load.yaml", map[string]string{"Backend": s.Images.Backend, "Node": x.node})
	t.Eventually(ctx, func() ([]corev1.Pod, error) { return s.ReadyPods(ctx, s.Namespace, backendSelector) }).
		WithTimeout(readyTimeout).Should(gomega.HaveLen(1), "%s", s.DescribePods(ctx, s.Namespace))
	pods, err := s.ReadyPods(ctx, s.Namespace, backendSelector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(pods).To(gomega.HaveLen(1))
	x.backend = pods[0]
	service := &corev1.Service{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: backendName}, service)).To(gomega.Succeed())
	x.host = kit.NewRoute(ctx, t, s, "load", nil).Host
	url := func(port int32) string {
		return "http://" + net.JoinHostPort(gateway.Status.HostIP, strconv.Itoa(int(port))) + "/"
	}
	x.through, x.direct = url(stack.HTTPNodePort), url(service.Spec.Ports[0].NodePort)
	x.program, err = project.Program(ctx, generatorName, s.Config.Root, s.Config.OutDir)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return x
}

// generate runs the load generator at the node and reads the JSON that it wrote
// into result. What its status says is in there too; only without JSON the
// status is an error.
func (x *target) generate(ctx context.Context, result any, url string, args ...string) (how string, err error) {
	args = append([]string{url, "--json", "--host", x.host}, args...)
	for _, w := range []struct {
		name, container string
		pod             corev1.Pod
	}{{"gateway", "istio-proxy", x.gateway}, {"backend", "backend", x.backend}, {"backend's sidecar", "istio-proxy", x.backend}} {
		id, err := containerID(w.pod, w.container)
		if err != nil {
			return "", err
		}
		args = append(args, "--watch", w.name+"="+id)
	}
	out, how, err := x.stack.Cluster.ExecInNetwork(ctx, x.node, x.program, args...)
	if strings.TrimSpace(out) == "" {
		return how, fmt.Errorf("the load generator measured nothing: %w", err)
	}
	if err := json.Unmarshal([]byte(out), result); err != nil {
		return how, fmt.Errorf("what the load generator measured: %w", err)
	}
	return how, nil
}

// containerID returns the id under which the node's runtime, and its cgroups, know
// a running container.
func containerID(pod corev1.Pod, name string) (string, error) {
	// A native sidecar is an init container.
	for _, c := range slices.Concat(pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses) {
		if c.Name != name {
			continue
		}
		if _, id, found := strings.Cut(c.ContainerID, "://"); found && c.State.Running != nil {
			return id, nil
		}
	}
	return "", fmt.Errorf("container %s of pod %s/%s does not run", name, pod.Namespace, pod.Name)
}

// received is how many requests the backend itself counted.
type received struct {
	All       int64 `json:"all"`
	MutualTLS int64 `json:"mutualTLS"`
}

func (r received) since(before received) received {
	return received{r.All - before.All, r.MutualTLS - before.MutualTLS}
}

// received asks the backend's pod, through the API server.
func (x *target) received(ctx context.Context) (received, error) {
	var r received
	raw, err := x.stack.Cluster.Kube.CoreV1().RESTClient().Get().Namespace(x.backend.Namespace).Resource("pods").
		Name(x.backend.Name + ":8081").SubResource("proxy").Suffix("requests").DoRaw(ctx)
	if err != nil {
		return r, fmt.Errorf("pod %s/%s: its count of requests: %w", x.backend.Namespace, x.backend.Name, err)
	}
	return r, json.Unmarshal(raw, &r)
}

// notes say what a reader of the numbers must know.
func (x *target) notes(how string) []string {
	notes := []string{
		"the load came from " + how,
		fmt.Sprintf("path gateway: node port %s, the gateway's pod, over mutual TLS to the sidecar of pod %s", x.through, x.backend.Name),
		fmt.Sprintf("path direct: node port %s, in plain text to the sidecar of the same pod on the same node; what differs is the gateway with its mutual TLS", x.direct),
	}
	if port := x.stack.Gateway.HTTPPort; cluster.UserlandProxy(port) {
		notes = append(notes, fmt.Sprintf("127.0.0.1:%d of this machine leads through the container engine's userland proxy, which copies every byte: it is not on the paths that were measured", port))
	}
	return notes
}
