package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// proxyContainer is that of a gateway's Envoy, as of a sidecar's.
const proxyContainer = "istio-proxy"

// found is a Service that leads to pods of a gateway.
type found struct {
	service corev1.Service
	pod     corev1.Pod
}

func (f found) name() string { return f.service.Namespace + "/" + f.service.Name }

// outside reports whether the Service is for traffic from outside the cluster.
func (f found) outside() bool {
	return f.service.Spec.Type == corev1.ServiceTypeLoadBalancer || f.service.Spec.Type == corev1.ServiceTypeNodePort
}

// findGateways looks for gateways by what makes a pod one, however it was installed: a
// proxy that is told to be a router, with a Service that selects it.
func (s *Stack) findGateways(ctx context.Context) ([]found, error) {
	var pods corev1.PodList
	if err := s.Client.List(ctx, &pods); err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	routers := slices.DeleteFunc(pods.Items, func(p corev1.Pod) bool { return !ready(p) || p.DeletionTimestamp != nil || !router(&p) })
	var services corev1.ServiceList
	if err := s.Client.List(ctx, &services); err != nil {
		return nil, fmt.Errorf("list Services: %w", err)
	}
	var all []found
	for _, service := range services.Items {
		if len(service.Spec.Selector) == 0 || strings.HasPrefix(service.Namespace, testNamespace) {
			continue
		}
		selector := labels.SelectorFromSet(service.Spec.Selector)
		i := slices.IndexFunc(routers, func(p corev1.Pod) bool {
			return p.Namespace == service.Namespace && selector.Matches(labels.Set(p.Labels))
		})
		if i >= 0 {
			all = append(all, found{service, routers[i]})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return strings.Compare(a.name(), b.name()) })
	return all, nil
}

// router reports whether a pod's proxy is one that takes traffic from outside the mesh,
// and no sidecar and no waypoint.
func router(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return c.Name == proxyContainer && slices.Contains(c.Args, "router")
	})
}

// chooseGateway takes the gateway that the user names, the only one, or the only one
// that traffic from outside comes to.
func chooseGateway(all []found, wanted string) (found, error) {
	var names []string
	for _, f := range all {
		if f.name() == wanted {
			return f, nil
		}
		names = append(names, f.name())
	}
	outside := slices.DeleteFunc(slices.Clone(all), func(f found) bool { return !f.outside() })
	switch {
	case len(all) == 0:
		return found{}, exitcode.Environmentf("no gateway: no Service selects a ready pod whose container %s has the argument router; install one, or wait until its pods are ready", proxyContainer)
	case wanted != "":
		return found{}, exitcode.Usagef("GATEWAY=%s: no such gateway; there are %s", wanted, strings.Join(names, ", "))
	case len(all) == 1:
		return all[0], nil
	case len(outside) == 1:
		return outside[0], nil
	default:
		return found{}, exitcode.Usagef("there are %d gateways: %s; name the one under test, such as GATEWAY=%s", len(all), strings.Join(names, ", "), names[0])
	}
}

// useGateway fills in the gateway under test, and where its traffic comes in.
func (b *Builder) useGateway(ctx context.Context, logf progress.Logf) error {
	service, err := b.describeGateway(ctx, b.config.GatewayName)
	if err != nil {
		return err
	}
	if err := b.findEntrance(ctx, service, logf); err != nil {
		return err
	}
	logf("gateway %s/%s, by labels %s; traffic from here enters by %s", service.Namespace, service.Name, b.Gateway.Selector, b.Gateway.Entrance.How)
	return nil
}

// describeGateway fills in the gateway of a name, or the one to choose, but for where its
// traffic comes in, and returns its Service.
func (s *Stack) describeGateway(ctx context.Context, name string) (*corev1.Service, error) {
	all, err := s.findGateways(ctx)
	if err != nil {
		return nil, err
	}
	f, err := chooseGateway(all, name)
	if err != nil {
		return nil, err
	}
	service := &f.service
	s.Gateway = Gateway{
		Namespace: service.Namespace, Release: service.Name, ServiceAccount: f.pod.Spec.ServiceAccountName,
		Selector: labels.SelectorFromSet(service.Spec.Selector).String(), Labels: service.Spec.Selector,
		HTTP: servicePort(service, &f.pod, 80, "http2", "http"), HTTPS: servicePort(service, &f.pod, 443, "https"), Status: numbered(service, statusPort),
		Local: service.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal,
	}
	if s.Gateway.HTTP.Number == 0 {
		return nil, exitcode.Environmentf("gateway %s: its Service has no port 80 and none named http2 or http; the checks need one for HTTP", f.name())
	}
	return service, nil
}

// servicePort returns the port of that number, or else of one of the names.
func servicePort(service *corev1.Service, pod *corev1.Pod, number int32, names ...string) GatewayPort {
	p := numbered(service, number)
	for _, name := range names {
		if p.Number == 0 {
			i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == name })
			if i >= 0 {
				p = port(service.Spec.Ports[i])
			}
		}
	}
	for _, given := range service.Spec.Ports {
		if given.Port == p.Number && given.TargetPort.Type == intstr.String {
			p.Target = containerPort(pod, given.TargetPort.StrVal)
		}
	}
	return p
}

// numbered returns the Service's port of a number.
func numbered(service *corev1.Service, number int32) GatewayPort {
	i := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == number })
	if i < 0 {
		return GatewayPort{}
	}
	return port(service.Spec.Ports[i])
}

func port(p corev1.ServicePort) GatewayPort {
	target := p.TargetPort.IntVal
	if p.TargetPort.Type == intstr.Int && target == 0 {
		target = p.Port
	}
	return GatewayPort{Number: p.Port, Target: target, Node: p.NodePort}
}

// containerPort returns the number of a named port of a pod; 0 when it has none.
func containerPort(pod *corev1.Pod, name string) int32 {
	for _, c := range pod.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return p.ContainerPort
			}
		}
	}
	return 0
}

// istiodPods returns the pods of istiod of all namespaces.
func (s *Stack) istiodPods(ctx context.Context) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := s.Client.List(ctx, &pods, client.MatchingLabels{"app": "istiod"}); err != nil {
		return nil, fmt.Errorf("list pods app=istiod: %w", err)
	}
	return pods.Items, nil
}
