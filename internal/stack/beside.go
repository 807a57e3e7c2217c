package stack

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/process/progress"
)

// sharedGateway is the Gateway resource that the routes of most checks name.
const sharedGateway = "conformance"

// besideName is all that fixtures/apps/own-gateway.yaml makes.
const besideName = "own-gateway"

// Beside returns the stack as it is seen at a gateway of the run's own: what is not done to
// a gateway that others use is done there. In a cluster that is made here it is the same.
func (s *Stack) Beside() *Stack {
	if s.beside == nil {
		return s
	}
	return s.beside
}

// Own reports whether this is a stack as Beside returns it, with another gateway than
// the one under test.
func (s *Stack) Own() bool { return s.own }

// newBeside makes the stack of Beside; it is empty until UseBeside.
func (s *Stack) newBeside() *Stack {
	b := &Stack{config: s.config, Namespace: s.Namespace, learned: learned{own: true}}
	b.Gateway = Gateway{
		Namespace: s.Namespace, Release: besideName, ServiceAccount: besideName, Labels: map[string]string{"istio": besideName}, Selector: "istio=" + besideName,
		HTTP: GatewayPort{Number: 80, Target: 80}, HTTPS: GatewayPort{Number: 443, Target: 443}, resource: besideName,
	}
	return b
}

// PrepareBeside gives the stack of Beside what was found out of the cluster, so that its
// fixtures can be filled; values are for fixtures/apps/own-gateway.yaml.
func (s *Stack) PrepareBeside() (values map[string]string) {
	b := s.beside
	b.Cell, b.Cluster, b.Client, b.Helm, b.Releases, b.Images = s.Cell, s.Cluster, s.Client, s.Helm, s.Releases, s.Images
	b.proxy, b.missingFilters, b.recorded, b.revision, b.trustDomain, b.exports, b.injection, b.noBackend = s.proxy, s.missingFilters, s.recorded, s.revision, s.trustDomain, s.exports, s.injection, s.noBackend
	values = b.FixtureValues()
	values["Name"], values["Type"] = besideName, string(corev1.ServiceTypeClusterIP)
	if s.Gateway.Entrance.Node {
		values["Type"] = string(corev1.ServiceTypeNodePort)
	}
	return values
}

// UseBeside finds where the gateway of the run's own is reached, once its pod is ready.
func (s *Stack) UseBeside(ctx context.Context) error {
	b := s.beside
	pod, err := b.GatewayPod(ctx)
	if err != nil {
		return err
	}
	service := &corev1.Service{}
	if err := s.Client.Get(ctx, client.ObjectKey{Namespace: b.Namespace, Name: besideName}, service); err != nil {
		return fmt.Errorf("get Service %s/%s: %w", b.Namespace, besideName, err)
	}
	b.Gateway.Selector = labels.SelectorFromSet(service.Spec.Selector).String()
	b.Gateway.HTTP, b.Gateway.HTTPS = servicePort(service, &pod, 80), servicePort(service, &pod, 443)
	b.Gateway.Status = numbered(service, statusPort)
	if b.Gateway.Entrance.HTTP != "" {
		return nil
	}
	if !s.Gateway.Entrance.Node {
		// Not for the time of the check alone that asks.
		return b.forwardEntrance(context.WithoutCancel(ctx), progress.Discard)
	}
	ways, err := b.nodeWays(ctx, service)
	if err != nil {
		return err
	}
	return b.firstOpen(ctx, ways, progress.Discard)
}

// AtLog returns the stack whose gateway writes an access log: this one, or else Beside.
func (s *Stack) AtLog() *Stack {
	if s.WhyNoLog() == "" {
		return s
	}
	return s.Beside()
}

// AtStatistics is AtLog for statistics of clusters.
func (s *Stack) AtStatistics() *Stack {
	if s.WhyNoStatistics() == "" {
		return s
	}
	return s.Beside()
}
