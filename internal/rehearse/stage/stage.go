// Package stage makes the objects by which a captured mesh stands in an API server that
// has no nodes: Services as captured, pods that never run, and their endpoints.
package stage

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

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

func newBuilder(mesh *capture.Mesh) *builder {
	return &builder{mesh: mesh, stage: &Stage{}, taken: map[netip.Addr]bool{}, names: map[string]int{}, ready: map[*corev1.Pod]bool{}}
}

// Build makes the stage of a mesh.
func Build(mesh *capture.Mesh) (*Stage, error) {
	b := newBuilder(mesh)
	b.firsts()
	b.node()
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
		b.clusterIP(service)
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

// firsts are the namespaces, with their labels, of everything, the accounts and Secrets.
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
}

func (b *builder) node() {
	b.add(&b.stage.First, "v1", "Node", &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName, Labels: map[string]string{
		"topology.kubernetes.io/region": "region", "topology.kubernetes.io/zone": "zone",
	}}})
}

func (b *builder) services() {
	for _, o := range b.mesh.Of("Service") {
		b.stage.Services = append(b.stage.Services, plain(o))
	}
}

func (b *builder) note(text string) {
	if !slices.Contains(b.stage.Notes, text) {
		b.stage.Notes = append(b.stage.Notes, text)
	}
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
