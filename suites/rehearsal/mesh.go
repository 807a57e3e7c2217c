package rehearsal

import (
	"context"
	"fmt"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/images/gatewaycrds"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/stage"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade/installation"
)

// set makes the captured mesh, with stand-ins for its pods, and waits until they are
// ready.
func (r *Rehearsal) set(ctx context.Context, logf progress.Logf) error {
	var err error
	if r.live, err = stage.BuildLive(r.Plan.Mesh, r.Stack.Images.Backend); err != nil {
		return err
	}
	for namespace, proxied := range map[string]bool{outsideNamespace: false, clientNamespace: true} {
		r.live.First = append(r.live.First, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace},
		}})
		if _, err := r.live.Client(namespace, proxied, r.Stack.Images.Backend); err != nil {
			return err
		}
	}
	if err := r.gatewayAPI(ctx); err != nil {
		return err
	}
	for _, list := range []*[]*unstructured.Unstructured{&r.live.First, &r.live.Services} {
		if *list, err = r.ours(ctx, *list); err != nil {
			return err
		}
	}
	if err := r.external(ctx); err != nil {
		return err
	}
	refused, err := r.live.Apply(ctx, r.Stack.Cluster.Config)
	if err != nil {
		return err
	}
	for _, refusal := range refused {
		r.report.Findings = append(r.report.Findings, finding.Finding{
			Level: finding.Look, Rule: "refused", Object: kube.Name(refusal.Object), Why: fmt.Sprintf("Istio %s refuses it, and so it was not rehearsed: %s", r.From, refusal.Why),
		})
	}
	logf("%d Services, %d stand-ins, %d objects of configuration", len(r.live.Services), len(r.live.StandIns), len(r.live.Configuration))
	return r.ready(ctx)
}

// gatewayAPI installs the Gateway API's definitions where the mesh has objects of it.
func (r *Rehearsal) gatewayAPI(ctx context.Context) error {
	objects := r.Plan.Mesh.Objects
	if r.After != nil {
		objects = slices.Concat(objects, r.After.Objects)
	}
	if !slices.ContainsFunc(objects, func(o *capture.Object) bool { return o.Group() == "gateway.networking.k8s.io" }) {
		return nil
	}
	crds, version, err := gatewaycrds.CRDs(ctx, r.Stack.Root(), gatewaycrds.Standard)
	if err != nil {
		return err
	}
	r.live.Notes = append(r.live.Notes, "the definitions of the Gateway API are "+version+", standard channel")
	if err := stage.ApplyCRDs(ctx, r.Stack.Cluster.Config, crds); err != nil {
		return err
	}
	if err := r.Stack.RenewClient(); err != nil {
		return err
	}
	return kit.AwaitGatewayClass(ctx, r.Stack)
}

// ours are the objects without those that Helm manages in the cluster: Istio's own.
func (r *Rehearsal) ours(ctx context.Context, all []*unstructured.Unstructured) ([]*unstructured.Unstructured, error) {
	var kept []*unstructured.Unstructured
	for _, object := range all {
		there := &unstructured.Unstructured{}
		there.SetGroupVersionKind(object.GroupVersionKind())
		err := r.Stack.Client.Get(ctx, client.ObjectKeyFromObject(object), there)
		switch {
		case err != nil && !apierrors.IsNotFound(err):
			return nil, fmt.Errorf("get %s: %w", kube.Name(object), err)
		case there.GetLabels()["app.kubernetes.io/managed-by"] != "Helm":
			kept = append(kept, object)
		}
	}
	return kept, nil
}

// deployments are those of the stand-ins and of the gateways that istiod makes, by
// namespace.
func (r *Rehearsal) deployments() map[string][]string {
	all := map[string][]string{}
	for _, s := range r.live.StandIns {
		all[s.Namespace] = append(all[s.Namespace], s.Name)
	}
	for _, e := range r.Plan.Entrances {
		if e.Managed {
			all[e.Namespace] = append(all[e.Namespace], e.Name)
		}
	}
	return all
}

// ready waits until every stand-in and every gateway is.
func (r *Rehearsal) ready(ctx context.Context) error {
	mesh, all := installation.New(r.Stack, ""), r.deployments()
	for _, namespace := range slices.Sorted(maps.Keys(all)) {
		if err := mesh.RolledOut(ctx, namespace, all[namespace]...); err != nil {
			return err
		}
	}
	for _, s := range r.live.StandIns {
		pods, err := r.Stack.ReadyPods(ctx, s.Namespace, stage.StandInLabel+"="+s.Name)
		if err != nil {
			return err
		}
		if s.Proxied && len(pods) > 0 && installation.ProxyVersion(&pods[0]) == "" {
			return fmt.Errorf("the stand-in %s got no sidecar, which the captured pods have: look at the labels of namespace %s, and whether a release of the capture makes the revision or the tag that they name", s, s.Namespace)
		}
	}
	return nil
}
