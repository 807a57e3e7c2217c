package stage

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"istio-conformance/internal/rehearse/capture"
)

// StandInLabel is the label of a stand-in's pods; its value is the stand-in's name.
const StandInLabel = "istio-conformance-stand-in"

// injectLabel is the label by which a pod asks for a sidecar, or refuses it.
const injectLabel = "sidecar.istio.io/inject"

// StandIn is one pod of the backend in the place of a workload.
type StandIn struct {
	Namespace, Name, ServiceAccount string
	Labels                          map[string]string
	// Ports are those that it listens at, Health the one at which it takes questions.
	Ports  []int32
	Health int32
	// Proxied says that it has a sidecar.
	Proxied bool
}

// String is "namespace/name", as the stand-in calls itself in its answers.
func (s *StandIn) String() string { return s.Namespace + "/" + s.Name }

// Live is a mesh as it stands in a cluster with nodes: its Pods are Deployments of the
// stand-ins.
type Live struct {
	*Stage
	StandIns []*StandIn
}

// BuildLive makes the mesh for a cluster whose nodes have the image of the backend.
// Gateways are left out: their charts, or istiod, make them.
func BuildLive(mesh *capture.Mesh, image string) (*Live, error) {
	b, live := newBuilder(mesh), &Live{}
	live.Stage = b.stage
	b.firsts()
	b.services()
	for _, service := range b.stage.Services {
		plainService(service)
	}
	for _, w := range mesh.Workloads {
		name := b.name(w)
		p := b.proxyOf(w, name)
		if p != nil && p.Gateway || w.Labels["app"] == "istiod" || w.Pods == 0 {
			continue
		}
		live.add(b, b.standIn(w, name, p != nil), image, w.Annotations)
	}
	live.external(b, image)
	b.accounts(live.StandIns)
	b.credentials()
	b.configuration()
	b.issuers()
	for _, list := range []*[]*unstructured.Unstructured{&b.stage.First, &b.stage.Services, &b.stage.Endpoints} {
		*list = slices.DeleteFunc(*list, clusters)
	}
	return live, b.failed
}

// clusters says whether an object is the cluster's own: another cluster makes its own, and
// must keep it.
func clusters(u *unstructured.Unstructured) bool {
	switch u.GetKind() {
	case "Service", "EndpointSlice":
		return u.GetNamespace() == "default" && u.GetName() == "kubernetes"
	}
	return false
}

// Client adds a pod that has no ports and only asks.
func (l *Live) Client(namespace string, proxied bool, image string) (*StandIn, error) {
	b := &builder{stage: l.Stage}
	s := &StandIn{Namespace: namespace, Name: "client", ServiceAccount: "default", Health: healthPort, Proxied: proxied}
	l.add(b, s, image, nil)
	return s, b.failed
}

// healthPort is the first that is tried.
const healthPort = 18081

func (b *builder) standIn(w *capture.Workload, name string, proxied bool) *StandIn {
	s := &StandIn{Namespace: w.Namespace, Name: name, ServiceAccount: w.ServiceAccount, Labels: w.Labels, Health: healthPort, Proxied: proxied}
	ports := map[int32]bool{}
	for _, p := range w.Ports {
		if p.Protocol == "" || p.Protocol == "TCP" {
			ports[int32(p.Port)] = true
		}
	}
	for _, u := range b.stage.Services {
		if u.GetNamespace() != w.Namespace || !selects(u, w.Labels) {
			continue
		}
		list, _, _ := unstructured.NestedSlice(u.Object, "spec", "ports")
		for _, item := range list {
			p, _ := item.(map[string]any)
			if protocol, _ := p["protocol"].(string); protocol != "" && protocol != "TCP" {
				b.note(fmt.Sprintf("Service %s/%s: the stand-in does not speak %s", u.GetNamespace(), u.GetName(), protocol))
				continue
			}
			target := number(p["targetPort"])
			if name, _ := p["targetPort"].(string); name != "" {
				target = namedPort(w, name)
			} else if p["targetPort"] == nil {
				target = number(p["port"])
			}
			ports[target] = true
		}
	}
	delete(ports, 0)
	s.Ports = slices.Sorted(maps.Keys(ports))
	for ports[s.Health] {
		s.Health++
	}
	return s
}

func selects(service *unstructured.Unstructured, pod map[string]string) bool {
	selector, _, _ := unstructured.NestedStringMap(service.Object, "spec", "selector")
	return len(selector) > 0 && labels.Set(selector).AsSelector().Matches(labels.Set(pod))
}

func namedPort(w *capture.Workload, name string) int32 {
	for _, p := range w.Ports {
		if p.Name == name {
			return int32(p.Port)
		}
	}
	if n, err := strconv.ParseInt(name, 10, 32); err == nil {
		return int32(n)
	}
	return 0
}

// plainService makes a ClusterIP of a load balancer, for which the cluster has none, and
// of what is reached from outside by addresses of other machines.
func plainService(u *unstructured.Unstructured) {
	spec, _, _ := unstructured.NestedMap(u.Object, "spec")
	delete(spec, "externalTrafficPolicy")
	delete(spec, "externalIPs")
	if spec["type"] == "LoadBalancer" || spec["type"] == "NodePort" {
		delete(spec, "type")
	}
	u.Object["spec"] = spec
}

// accounts makes the ServiceAccounts that were not captured.
func (b *builder) accounts(standIns []*StandIn) {
	made := map[string]bool{}
	for _, o := range b.mesh.Of("ServiceAccount") {
		made[o.Namespace()+"/"+o.Name()] = true
	}
	for _, s := range standIns {
		if key := s.Namespace + "/" + s.ServiceAccount; s.ServiceAccount != "default" && s.ServiceAccount != "" && !made[key] {
			made[key] = true
			b.add(&b.stage.First, "v1", "ServiceAccount", &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.ServiceAccount}})
		}
	}
}

// add makes the stand-in's Deployment: one pod, as it has to be there and no more.
func (l *Live) add(b *builder, s *StandIn, image string, annotations map[string]string) {
	set := map[string]string{StandInLabel: s.Name}
	pod := maps.Clone(s.Labels)
	if pod == nil {
		pod = map[string]string{}
	}
	pod[StandInLabel], pod[injectLabel] = s.Name, strconv.FormatBool(s.Proxied)
	kept := maps.Clone(annotations)
	maps.DeleteFunc(kept, func(key, _ string) bool {
		return strings.HasPrefix(key, "sidecar.istio.io/proxy") // images and sizes are the rehearsal's
	})
	var ports []string
	var listed []corev1.ContainerPort
	for _, port := range s.Ports {
		ports = append(ports, strconv.Itoa(int(port)))
		listed = append(listed, corev1.ContainerPort{ContainerPort: port})
	}
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name}}
	d.Spec.Replicas, d.Spec.Selector = ptr.To[int32](1), &metav1.LabelSelector{MatchLabels: set}
	// The new pod first: a Service must not be without one while it is replaced.
	d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxSurge: ptr.To(intstr.FromInt32(1)), MaxUnavailable: ptr.To(intstr.FromInt32(0))}
	d.Spec.Template = corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: pod, Annotations: kept},
		Spec: corev1.PodSpec{
			ServiceAccountName: s.ServiceAccount,
			Tolerations:        []corev1.Toleration{{Key: "node-role.kubernetes.io/control-plane", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}},
			SecurityContext:    &corev1.PodSecurityContext{Sysctls: []corev1.Sysctl{{Name: "net.ipv4.ip_unprivileged_port_start", Value: "0"}}},
			Containers: []corev1.Container{{
				Name: "backend", Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Ports: listed,
				Env: []corev1.EnvVar{{Name: "VERSION", Value: s.String()}, {Name: "PORTS", Value: strings.Join(ports, ",")}, {Name: "HEALTH", Value: fmt.Sprintf(":%d", s.Health)}},
				ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
					HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(s.Health)},
				}},
				// Until every proxy has learned that the pod is no endpoint any more, its program
				// must still answer.
				Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 5}}},
			}},
		},
	}
	b.add(&l.Pods, "apps/v1", "Deployment", d)
	l.StandIns = append(l.StandIns, s)
}
