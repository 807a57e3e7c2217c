// Package stage makes the objects by which a captured mesh stands in an API server that
// has no nodes: Services as captured, pods that never run, and their endpoints.
package stage

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/rehearse/capture"
)

// nodeName is the one node that all pods are said to be on.
const nodeName = "rehearsal"

// mostPods is how many pods stand for one shape: two, so that balancing can be seen, and
// one more that is not ready where the capture has such.
const mostPods = 2

// Proxy is one proxy that is asked about.
type Proxy struct {
	// Gateway says that it is a gateway, and no sidecar.
	Gateway   bool
	Namespace string
	// Name is that of its workload, Pod that of the pod.
	Name, Pod, Address string
	ServiceAccount     string
	Labels             map[string]string
	Annotations        map[string]string
}

// String is "gateway namespace/name" or "sidecar namespace/name".
func (p *Proxy) String() string {
	kind := "sidecar"
	if p.Gateway {
		kind = "gateway"
	}
	return kind + " " + p.Namespace + "/" + p.Name
}

// Stage is what of a mesh is written to the API server.
type Stage struct {
	// First are namespaces, accounts and the like, then Services, Pods with their
	// status, endpoints, and at last the configuration, the oldest first.
	First, Services, Pods, Endpoints, Configuration []*unstructured.Unstructured
	Proxies                                         []*Proxy
	// Notes say what was assumed.
	Notes []string
}

// builder makes a stage.
type builder struct {
	mesh   *capture.Mesh
	stage  *Stage
	pods   []*corev1.Pod
	taken  map[netip.Addr]bool
	names  map[string]int
	ready  map[*corev1.Pod]bool
	failed error
}

// Build makes the stage of a mesh.
func Build(mesh *capture.Mesh) (*Stage, error) {
	b := &builder{mesh: mesh, stage: &Stage{}, taken: map[netip.Addr]bool{}, names: map[string]int{}, ready: map[*corev1.Pod]bool{}}
	b.firsts()
	b.services()
	for _, w := range mesh.Workloads {
		b.workload(w)
	}
	b.missingGateways()
	b.managedGateways()
	for _, pod := range b.pods {
		b.add(&b.stage.Pods, "v1", "Pod", pod)
	}
	for _, service := range b.stage.Services {
		b.endpoints(service)
	}
	b.configuration()
	return b.stage, b.failed
}

// add appends a typed object.
func (b *builder) add(to *[]*unstructured.Unstructured, apiVersion, kind string, object runtime.Object) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		b.failed = fmt.Errorf("%s of the stage: %w", kind, err)
		return
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	*to = append(*to, u)
}

// plain is a captured object without what the API server gives it.
func plain(o *capture.Object) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: capture.Copy(o.Body)}
	unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	return u
}

// firsts are the namespaces, with their labels, of everything, and the node.
func (b *builder) firsts() {
	namespaces := map[string]*unstructured.Unstructured{}
	need := func(name string) {
		if name == "" || namespaces[name] != nil {
			return
		}
		u := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name}}}
		namespaces[name] = u
	}
	for _, o := range b.mesh.Of("Namespace") {
		namespaces[o.Name()] = plain(o)
	}
	need("istio-system")
	for _, o := range b.mesh.Objects {
		need(o.Namespace())
	}
	for _, w := range b.mesh.Workloads {
		need(w.Namespace)
	}
	for _, name := range slices.Sorted(maps.Keys(namespaces)) {
		b.stage.First = append(b.stage.First, namespaces[name])
	}
	for _, o := range b.mesh.Of("ServiceAccount") {
		b.stage.First = append(b.stage.First, plain(o))
	}
	b.secrets()
	b.add(&b.stage.First, "v1", "Node", &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName, Labels: map[string]string{
		"topology.kubernetes.io/region": "region", "topology.kubernetes.io/zone": "zone",
	}}})
}

func (b *builder) services() {
	for _, o := range b.mesh.Of("Service") {
		u := plain(o)
		// A load balancer's address would be waited for.
		b.stage.Services = append(b.stage.Services, u)
	}
}

// name gives each shape of an owner a name of its own.
func (b *builder) name(w *capture.Workload) string {
	_, name, _ := strings.Cut(w.Owner, " ")
	name = strings.ToLower(name)
	key := w.Namespace + "/" + name
	b.names[key]++
	if n := b.names[key]; n > 1 {
		return fmt.Sprintf("%s-shape%d", name, n)
	}
	return name
}

// workload makes the pods of a shape.
func (b *builder) workload(w *capture.Workload) {
	name := b.name(w)
	ready := min(w.Ready, mostPods)
	total := ready
	if w.Ready < w.Pods {
		total++
	}
	var ports []corev1.ContainerPort
	for _, p := range w.Ports {
		ports = append(ports, corev1.ContainerPort{Name: p.Name, ContainerPort: int32(p.Port), Protocol: corev1.Protocol(cmp.Or(p.Protocol, "TCP"))})
	}
	p := b.proxyOf(w, name)
	for i := range total {
		pod := b.pod(w.Namespace, fmt.Sprintf("%s-%d", name, i), w.ServiceAccount, w.Labels, w.Annotations, ports, p != nil)
		b.ready[pod] = i < ready
		if p != nil && i == 0 {
			p.Pod, p.Address = pod.Name, pod.Status.PodIP
			b.stage.Proxies = append(b.stage.Proxies, p)
		}
	}
}

// proxyOf is the proxy of a shape; nil where it has none.
func (b *builder) proxyOf(w *capture.Workload, name string) *Proxy {
	p := &Proxy{Namespace: w.Namespace, Name: name, ServiceAccount: w.ServiceAccount, Labels: w.Labels, Annotations: w.Annotations}
	p.Gateway = len(w.Images) == 1 && w.Images[0] == w.Proxy && w.Proxy != "" || w.Labels["gateway.networking.k8s.io/gateway-name"] != "" || b.selectedByGateway(w)
	switch {
	case p.Gateway, w.Proxy != "":
		return p
	case b.mesh.Index.From == "folder" && w.Labels["sidecar.istio.io/inject"] != "false" && w.Labels["app"] != "istiod":
		// A folder does not say which pods are injected.
		b.note("a folder does not say which pods have a sidecar: all of them are taken to have one")
		return p
	}
	return nil
}

func (b *builder) note(text string) {
	if !slices.Contains(b.stage.Notes, text) {
		b.stage.Notes = append(b.stage.Notes, text)
	}
}

func (b *builder) selectedByGateway(w *capture.Workload) bool {
	for _, o := range b.istioGateways() {
		if selector := selectorOf(o); len(selector) > 0 && selector.AsSelector().Matches(labels.Set(w.Labels)) {
			return true
		}
	}
	return false
}

func (b *builder) istioGateways() []*capture.Object {
	return slices.DeleteFunc(b.mesh.Of("Gateway"), func(o *capture.Object) bool { return o.Group() != "networking.istio.io" })
}

func selectorOf(o *capture.Object) labels.Set {
	found := labels.Set{}
	selector, _ := o.Fields("spec", "selector").(map[string]any)
	for key, value := range selector {
		found[key] = fmt.Sprint(value)
	}
	return found
}

// pod makes one pod that is said to run.
func (b *builder) pod(namespace, name, account string, set, annotations map[string]string, ports []corev1.ContainerPort, proxied bool) *corev1.Pod {
	address := b.address(namespace + "/" + name).String()
	container := corev1.Container{Name: "app", Image: "app", Ports: ports}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: set, Annotations: annotations},
		Spec:       corev1.PodSpec{NodeName: nodeName, ServiceAccountName: account, Containers: []corev1.Container{container}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}}, HostIP: "192.0.2.1", Conditions: []corev1.PodCondition{
			{Type: corev1.PodReady, Status: corev1.ConditionTrue},
		}},
	}
	if proxied {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "istio-proxy", Image: "proxy"})
		pod.Labels = maps.Clone(set)
		if pod.Labels == nil {
			pod.Labels = map[string]string{}
		}
		// What the injector adds: by it istiod knows that the pod speaks mutual TLS.
		pod.Labels["security.istio.io/tlsMode"] = "istio"
	}
	b.pods = append(b.pods, pod)
	b.ready[pod] = true
	return pod
}

// address is made of the pod's name, so that it stays when other pods come and go.
func (b *builder) address(of string) netip.Addr {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(of)) // it never fails
	for n := sum.Sum32(); ; n++ {
		// 10.128.0.0/9, below which no Service of the stage is.
		a := netip.AddrFrom4([4]byte{10, 128 | byte(n>>16), byte(n >> 8), byte(n)})
		if !b.taken[a] {
			b.taken[a] = true
			return a
		}
	}
}

// missingGateways makes a pod and a Service for each Gateway that selects none.
func (b *builder) missingGateways() {
	made := map[string]bool{}
	for _, o := range b.istioGateways() {
		selector := selectorOf(o)
		key := selector.String()
		if len(selector) == 0 || made[key] || slices.ContainsFunc(b.pods, func(p *corev1.Pod) bool { return selector.AsSelector().Matches(labels.Set(p.Labels)) }) {
			continue
		}
		made[key] = true
		name := cmp.Or(selector["istio"], selector["app"], "gateway")
		b.note(fmt.Sprintf("no pod of the capture is selected by %s (%s): a gateway %s in istio-system stands for it", o, key, name))
		b.gateway("istio-system", name, name, selector, b.portsOf(key), nil)
	}
}

// portsOf are the ports of all Gateways with the same selector.
func (b *builder) portsOf(selector string) []int32 {
	ports := map[int32]bool{}
	for _, o := range b.istioGateways() {
		if selectorOf(o).String() != selector {
			continue
		}
		servers, _ := o.Fields("spec", "servers").([]any)
		for _, server := range servers {
			s, _ := server.(map[string]any)
			port, _ := s["port"].(map[string]any)
			ports[number(port["number"])] = true
		}
	}
	return slices.Sorted(maps.Keys(ports))
}

// managedGateways makes what istiod makes of Gateways of the Gateway API, where the
// capture has it not.
func (b *builder) managedGateways() {
	for _, o := range b.mesh.Of("Gateway") {
		class, _ := o.Fields("spec", "gatewayClassName").(string)
		if !strings.HasPrefix(o.Group(), "gateway.networking.") || class != "istio" || o.Fields("spec", "addresses") != nil {
			continue
		}
		name := o.Name() + "-" + class
		set := labels.Set{"gateway.networking.k8s.io/gateway-name": o.Name()}
		if slices.ContainsFunc(b.pods, func(p *corev1.Pod) bool {
			return p.Namespace == o.Namespace() && set.AsSelector().Matches(labels.Set(p.Labels))
		}) {
			continue
		}
		ports := map[int32]bool{}
		listeners, _ := o.Fields("spec", "listeners").([]any)
		for _, listener := range listeners {
			l, _ := listener.(map[string]any)
			ports[number(l["port"])] = true
		}
		b.gateway(o.Namespace(), name, name, set, slices.Sorted(maps.Keys(ports)), set)
	}
}

// gateway makes a gateway's pod and its Service.
func (b *builder) gateway(namespace, name, account string, set labels.Set, ports []int32, serviceLabels labels.Set) {
	pod := b.pod(namespace, name+"-0", account, set, nil, nil, true)
	b.stage.Proxies = append(b.stage.Proxies, &Proxy{
		Gateway: true, Namespace: namespace, Name: name, Pod: pod.Name, Address: pod.Status.PodIP, ServiceAccount: account, Labels: set,
	})
	if slices.ContainsFunc(b.stage.Services, func(u *unstructured.Unstructured) bool { return u.GetNamespace() == namespace && u.GetName() == name }) {
		return
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: serviceLabels}, Spec: corev1.ServiceSpec{Selector: set}}
	for _, port := range ports {
		if port > 0 {
			service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("tcp-%d", port), Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP})
		}
	}
	if len(service.Spec.Ports) > 0 {
		b.add(&b.stage.Services, "v1", "Service", service)
	}
}

func number(v any) int32 {
	switch n := v.(type) {
	case int64:
		return int32(n)
	case float64:
		return int32(n)
	}
	return 0
}

// endpoints makes the EndpointSlice that a controller would make.
func (b *builder) endpoints(u *unstructured.Unstructured) {
	var service corev1.Service
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &service); err != nil {
		b.failed = fmt.Errorf("read %s: %w", kube.Name(u), err)
		return
	}
	if len(service.Spec.Selector) == 0 {
		return // its slices are captured
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name + "-rehearsal", Labels: map[string]string{
			discoveryv1.LabelServiceName: service.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io",
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	var of *corev1.Pod
	for _, pod := range b.pods {
		if pod.Namespace != service.Namespace || !labels.Set(service.Spec.Selector).AsSelector().Matches(labels.Set(pod.Labels)) {
			continue
		}
		of = pod
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{pod.Status.PodIP}, NodeName: ptr.To(nodeName), Zone: ptr.To("zone"),
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(b.ready[pod]), Serving: ptr.To(b.ready[pod]), Terminating: ptr.To(false)},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
		})
	}
	for _, p := range service.Spec.Ports {
		if target := targetOf(p, of); target > 0 {
			slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.To(p.Name), Port: ptr.To(target), Protocol: ptr.To(cmp.Or(p.Protocol, corev1.ProtocolTCP)), AppProtocol: p.AppProtocol})
		}
	}
	b.add(&b.stage.Endpoints, "discovery.k8s.io/v1", "EndpointSlice", slice)
}

// targetOf is the port of the pods that a Service's port leads to.
func targetOf(p corev1.ServicePort, pod *corev1.Pod) int32 {
	if p.TargetPort.Type == intstr.Int {
		return cmp.Or(p.TargetPort.IntVal, p.Port)
	}
	if pod != nil {
		for _, c := range pod.Spec.Containers {
			for _, port := range c.Ports {
				if port.Name == p.TargetPort.StrVal {
					return port.ContainerPort
				}
			}
		}
	}
	return 0
}

// configuration is that of Istio and the Gateway API, the oldest first: by its age istiod
// decides which of two wins.
func (b *builder) configuration() {
	var objects []*capture.Object
	for _, o := range b.mesh.Objects {
		if o.Kind() == "EndpointSlice" {
			b.stage.Endpoints = append(b.stage.Endpoints, plain(o))
		}
		if o.Configures() && o.Kind() != "IstioOperator" && o.Kind() != "GatewayClass" {
			objects = append(objects, o)
		}
	}
	age := func(o *capture.Object) string {
		created, _ := o.Fields("metadata", "creationTimestamp").(string)
		return created
	}
	slices.SortStableFunc(objects, func(x, y *capture.Object) int {
		return cmp.Or(cmp.Compare(age(x), age(y)), cmp.Compare(x.Name(), y.Name()), cmp.Compare(x.Namespace(), y.Namespace()))
	})
	for _, o := range objects {
		b.stage.Configuration = append(b.stage.Configuration, plain(o))
	}
}
