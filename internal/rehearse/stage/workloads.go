package stage

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/rehearse/capture"
)

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
	return b.free(of, func(n uint32) netip.Addr {
		// 10.128.0.0/9, below which no Service of the stage is.
		return netip.AddrFrom4([4]byte{10, 128 | byte(n>>16), byte(n >> 8), byte(n)})
	})
}

// clusterIP gives a Service an address that is made of its name: another API server would
// choose another one, and two captures would differ by it.
func (b *builder) clusterIP(u *unstructured.Unstructured) {
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	if spec["clusterIP"] != nil || spec["type"] == "ExternalName" || clusters(u) {
		return
	}
	// Of 10.96.0.0/16, see planes.StartAPI; its beginning is the API server's own.
	a := b.free("Service "+u.GetNamespace()+"/"+u.GetName(), func(n uint32) netip.Addr {
		return netip.AddrFrom4([4]byte{10, 96, 128 | byte(n>>8)&0x3f, byte(n)})
	})
	spec["clusterIP"] = a.String()
	u.Object["spec"] = spec
}

// free is the first address that no other has taken, from a place that the name decides.
func (b *builder) free(of string, at func(uint32) netip.Addr) netip.Addr {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(of)) // it never fails
	for n := sum.Sum32(); ; n++ {
		if a := at(n); !b.taken[a] {
			b.taken[a] = true
			return a
		}
	}
}
