package rehearsal

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
	"istio-conformance/suites/upgrade/installation"
)

// external makes the Service of the stand-in for hosts outside of the mesh, and has CoreDNS
// answer with its address for their names: before any proxy looks one up.
func (r *Rehearsal) external(ctx context.Context) error {
	meshes := []*capture.Mesh{r.Plan.Mesh}
	if r.After != nil {
		meshes = append(meshes, r.After)
	}
	service, names := stage.ExternalService(meshes...)
	if service == nil {
		return nil
	}
	for _, o := range []client.Object{&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: service.Namespace}}, service} {
		if err := client.IgnoreAlreadyExists(r.Stack.Client.Create(ctx, o)); err != nil {
			return fmt.Errorf("make %s %s: %w", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), err)
		}
	}
	if err := r.Stack.Client.Get(ctx, client.ObjectKeyFromObject(service), service); err != nil {
		return err
	}
	dns := &corev1.ConfigMap{}
	if err := r.Stack.Client.Get(ctx, client.ObjectKey{Namespace: metav1.NamespaceSystem, Name: "coredns"}, dns); err != nil {
		return fmt.Errorf("get CoreDNS' ConfigMap: %w", err)
	}
	before, after, found := strings.Cut(dns.Data["Corefile"], "{\n")
	line := fmt.Sprintf("    hosts {\n        %s %s\n        fallthrough\n    }\n", service.Spec.ClusterIP, strings.Join(names, " "))
	switch {
	case !found:
		return fmt.Errorf("CoreDNS' Corefile has no block: %q", dns.Data["Corefile"])
	case strings.Contains(after, line):
		return nil
	}
	dns.Data["Corefile"] = before + "{\n" + line + after
	if err := r.Stack.Client.Update(ctx, dns); err != nil {
		return fmt.Errorf("update CoreDNS' ConfigMap: %w", err)
	}
	return installation.New(r.Stack, "").Restart(ctx, metav1.NamespaceSystem, "coredns")
}
