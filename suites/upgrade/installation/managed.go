package installation

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/fixtures"
	"istio-conformance/internal/images/gatewaycrds"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade/traffic"
)

const (
	// managedName is the Gateway of fixtures/apps/upgrade-managed.yaml, and managedDeployment
	// what istiod makes for it.
	managedName       = "upgrade-managed"
	managedDeployment = managedName + "-istio"
	// managedHTTP and managedHTTPS are the node ports of its Service.
	managedHTTP, managedHTTPS = 30180, 30543
	// managedGone bounds the time until what istiod deployed is gone.
	managedGone = 2 * time.Minute
)

// managedObjects are the Gateway that istiod deploys, its parameters and its routes.
func (m *Mesh) managedObjects() ([]*unstructured.Unstructured, error) {
	manifest, err := fixtures.Files.ReadFile("apps/upgrade-managed.yaml")
	if err != nil {
		return nil, err
	}
	return kube.Render(manifest, map[string]string{
		"Name": managedName, "GatewayNamespace": m.Stack.Gateway.Namespace, "Namespace": m.Stack.Namespace, "Certificate": certificateName,
		"HTTP": strconv.Itoa(managedHTTP), "HTTPS": strconv.Itoa(managedHTTPS), "Drain": strconv.FormatBool(m.layer == stack.RecommendedValues),
	})
}

// manage has istiod deploy the gateway under test, from then on in place of the chart's.
func (m *Mesh) manage(ctx context.Context, version string) error {
	if _, err := gatewaycrds.Define(ctx, m.Stack.Client, m.Stack.Root(), gatewaycrds.Standard); err != nil {
		return err
	}
	objects, err := m.managedObjects()
	if err != nil {
		return err
	}
	if err := kube.Apply(ctx, m.Stack.Client, m.Stack.Namespace, objects); err != nil {
		return err
	}
	m.managed = true
	if err := m.FollowedAt(ctx, version); err != nil {
		return err
	}
	to, err := m.managedAddresses(ctx)
	if err != nil {
		return err
	}
	return kit.Until(ctx, SettleTimeout, func(ctx context.Context) error {
		r := probe.HTTP(ctx, probe.Request{URL: "http://" + to.HTTP, Host: traffic.AppHost, Timeout: RequestTimeout})
		if r.Status != http.StatusOK {
			return fmt.Errorf("the gateway that istiod deployed, at the node's own address %s: want status 200, got %s", to.HTTP, r)
		}
		return nil
	})
}

// FollowedAt waits until istiod has brought the gateway that it deploys to a version, and
// no pod of another one is left.
func (m *Mesh) FollowedAt(ctx context.Context, version string) error {
	namespace := m.Stack.Gateway.Namespace
	err := kit.Until(ctx, SettleTimeout, func(ctx context.Context) error {
		d := &appsv1.Deployment{}
		if err := m.Stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: managedDeployment}, d); err != nil {
			return fmt.Errorf("get Deployment %s/%s, which istiod makes: %w", namespace, managedDeployment, err)
		}
		if got := proxyVersion(&d.Spec.Template.Spec); got != version {
			return fmt.Errorf("istiod has given Deployment %s/%s the proxy of Istio %s, want %s", namespace, managedDeployment, got, version)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.RolledOut(ctx, namespace, managedDeployment)
}

// LabelGateway makes that Gateway belong to a revision; an empty one is that of the control
// plane without a revision.
func (m *Mesh) LabelGateway(ctx context.Context, revision string) error {
	value := "null"
	if revision != "" {
		value = strconv.Quote(revision)
	}
	gateway := &unstructured.Unstructured{}
	gateway.SetAPIVersion("gateway.networking.k8s.io/v1")
	gateway.SetKind("Gateway")
	gateway.SetNamespace(m.Stack.Gateway.Namespace)
	gateway.SetName(managedName)
	patch := fmt.Sprintf(`{"metadata":{"labels":{%q:%s}}}`, stack.RevisionLabel, value)
	if err := m.Stack.Client.Patch(ctx, gateway, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		return fmt.Errorf("label Gateway %s/%s: %w", m.Stack.Gateway.Namespace, managedName, err)
	}
	return nil
}

// managedAddresses are where traffic enters by that gateway: its node ports are published
// nowhere, so that this machine must reach a node.
func (m *Mesh) managedAddresses(ctx context.Context) (a traffic.Addresses, err error) {
	if a.HTTP, err = m.Stack.NodeAddress(ctx, managedHTTP); err != nil {
		return a, err
	}
	host, _, err := net.SplitHostPort(a.HTTP)
	if err != nil {
		return a, err
	}
	a.HTTPS = net.JoinHostPort(host, strconv.Itoa(managedHTTPS))
	a.Roots, err = m.trusted(ctx)
	return a, err
}

// End removes what only this journey needs. It is called when no traffic runs.
func (m *Mesh) End(ctx context.Context) error {
	if !m.managed {
		return nil
	}
	objects, err := m.managedObjects()
	if err != nil {
		return err
	}
	if err := kube.Delete(ctx, m.Stack.Client, objects); err != nil {
		return err
	}
	return kit.Until(ctx, managedGone, func(ctx context.Context) error {
		err := m.Stack.Client.Get(ctx, client.ObjectKey{Namespace: m.Stack.Gateway.Namespace, Name: managedDeployment}, &appsv1.Deployment{})
		if err == nil {
			return fmt.Errorf("wait for the end of Deployment %s/%s: it is still there after its Gateway was deleted", m.Stack.Gateway.Namespace, managedDeployment)
		}
		return client.IgnoreNotFound(err)
	})
}
