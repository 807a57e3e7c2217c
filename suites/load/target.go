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
	"istio-conformance/internal/process/project"
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
	// referenceName is all that fixtures/apps/load-reference.yaml makes.
	referenceName = "load-reference"
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
	// reference is the URL of another gateway's node port, and referencePod its pod,
	// where there is one.
	reference    string
	referencePod *corev1.Pod
	program      string
}

// newTarget deploys the backend beside the gateway, and waits until both ways to
// it are served. It is removed when the check ends.
func newTarget(ctx context.Context, t *check.T, s *stack.Stack) *target {
	x := locate(ctx, t, s)
	x.deploy(ctx, t)
	x.host = kit.NewRoute(ctx, t, s, "load", map[string]string{"Gateways": "conformance"}).Host
	return x
}

// newTargets is newTarget with the reference beside the gateway.
func newTargets(ctx context.Context, t *check.T, s *stack.Stack) *target {
	x := locate(ctx, t, s)
	i := slices.IndexFunc(x.gateway.Spec.Containers, func(c corev1.Container) bool { return c.Name == "istio-proxy" })
	t.Expect(i).To(gomega.BeNumerically(">=", 0), "container istio-proxy of pod %s/%s", x.gateway.Namespace, x.gateway.Name)
	proxy := x.gateway.Spec.Containers[i]
	resources, err := json.Marshal(proxy.Resources)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	kit.Apply(ctx, t, s, s.Namespace, "apps/load-reference.yaml", map[string]string{"Node": x.node, "Image": proxy.Image, "Resources": string(resources)})
	x.deploy(ctx, t)
	t.Diagnose("the second gateway, with which the latency is compared, does not become ready",
		"look at its pod and events in the evidence", "https://istio.io/latest/docs/ops/common-problems/injection/")
	pod := x.readyPod(ctx, t, "app="+referenceName)
	x.referencePod, x.reference = &pod, x.url(x.nodePort(ctx, t, referenceName))
	x.host = kit.NewRoute(ctx, t, s, "load", map[string]string{"Gateways": "conformance, " + referenceName}).Host
	t.Diagnose("the second gateway, with which the latency is compared, does not serve the route that the gateway serves",
		"compare its config dump with the gateway's", "https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	t.Eventually(ctx, func() (string, error) {
		return s.Cluster.PodExec(ctx, pod.Namespace, pod.Name, "istio-proxy", "pilot-agent", "request", "GET", "config_dump")
	}).Should(gomega.ContainSubstring(x.host), "the configuration of pod %s/%s", pod.Namespace, pod.Name)
	return x
}

// locate finds the gateway and the generator.
func locate(ctx context.Context, t *check.T, s *stack.Stack) *target {
	gateway, err := s.GatewayPod(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	x := &target{stack: s, node: gateway.Spec.NodeName, gateway: gateway}
	x.through = x.url(s.Gateway.HTTP.Node)
	x.program, err = project.Program(ctx, generatorName, s.Root(), s.OutDir())
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return x
}

// deploy applies the backend and waits until it is ready.
func (x *target) deploy(ctx context.Context, t *check.T) {
	t.Diagnose("the backend of the latency checks does not become ready",
		"look at its pod and events in the evidence", "https://istio.io/latest/docs/ops/common-problems/injection/")
	kit.Apply(ctx, t, x.stack, x.stack.Namespace, "apps/load.yaml", map[string]string{"Backend": x.stack.Images.Backend, "Node": x.node})
	x.backend = x.readyPod(ctx, t, backendSelector)
	x.direct = x.url(x.nodePort(ctx, t, backendName))
}

// readyPod waits for the one pod that a selector matches.
func (x *target) readyPod(ctx context.Context, t *check.T, selector string) corev1.Pod {
	var pods []corev1.Pod
	t.Eventually(ctx, func() ([]corev1.Pod, error) {
		var err error
		pods, err = x.stack.ReadyPods(ctx, x.stack.Namespace, selector)
		return pods, err
	}).WithTimeout(readyTimeout).Should(gomega.HaveLen(1), "%s", x.stack.DescribePods(ctx, x.stack.Namespace))
	return pods[0]
}

// nodePort returns that of a Service's first port.
func (x *target) nodePort(ctx context.Context, t *check.T, name string) int32 {
	service := &corev1.Service{}
	t.Expect(x.stack.Client.Get(ctx, client.ObjectKey{Namespace: x.stack.Namespace, Name: name}, service)).To(gomega.Succeed())
	return service.Spec.Ports[0].NodePort
}

// url returns that of a node port at the node.
func (x *target) url(port int32) string {
	return "http://" + net.JoinHostPort(x.gateway.Status.HostIP, strconv.Itoa(int(port))) + "/"
}

// generate runs the load generator at the node and reads the JSON that it wrote
// into result. What its status says is in there too; only without JSON the
// status is an error.
func (x *target) generate(ctx context.Context, result any, url string, args ...string) (how string, err error) {
	args = append([]string{url, "--json", "--host", x.host}, args...)
	type watched struct {
		name, container string
		pod             corev1.Pod
	}
	// The gateways have the names of their paths: so the CPU time of each path is known.
	watch := []watched{{pathGateway, "istio-proxy", x.gateway}, {"backend", "backend", x.backend}, {"backend's sidecar", "istio-proxy", x.backend}}
	if x.referencePod != nil {
		watch = append(watch, watched{pathReference, "istio-proxy", *x.referencePod})
	}
	if x.stack.WhyNoNodes() != "" {
		watch = nil // Their control groups are not this machine's.
	}
	for _, w := range watch {
		id, err := containerID(w.pod, w.container)
		if err != nil {
			return "", err
		}
		args = append(args, "--watch", w.name+"="+id)
	}
	out, how, err := x.stack.RunNear(ctx, x.node, x.program, args...)
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
	if x.referencePod != nil {
		notes = append(notes, fmt.Sprintf("path reference: node port %s, pod %s, a gateway of the same image and resources with the default configuration, over mutual TLS to the same pod", x.reference, x.referencePod.Name))
	}
	if port := x.stack.Gateway.HTTPPort; !x.stack.Existing() && cluster.UserlandProxy(port) {
		notes = append(notes, fmt.Sprintf("127.0.0.1:%d of this machine leads through the container engine's userland proxy, which copies every byte: it is not on the paths that were measured", port))
	}
	return notes
}
