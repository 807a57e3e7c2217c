package rehearsal

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/stage"
	"istio-conformance/internal/report"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade/installation"
)

// soak is how long nothing changes before the upgrade and after it, while requests are
// counted.
const soak = 5 * time.Second

// step is one change of the upgrade.
type step struct {
	name   string
	change func(context.Context) error
}

// upgrade goes to the new version in place while requests run: the releases in their
// order, then the proxies.
func (r *Rehearsal) upgrade(ctx context.Context, before round, logf progress.Logf) (*loss, error) {
	steps, err := r.steps()
	if err != nil {
		return nil, err
	}
	lost, err := r.startTraffic(ctx, before)
	if err != nil {
		return nil, err
	}
	defer lost.stop()
	lost.soak(ctx)
	for _, s := range steps {
		began := time.Now()
		start := lost.second()
		err := s.change(ctx)
		lost.steps = append(lost.steps, report.UpgradeStep{
			Name: s.name, Leg: "forward", From: r.From.String(), To: r.To.String(), Start: start, Changed: lost.second(), End: lost.second(),
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		logf("%s is at %s after %s", s.name, r.To, time.Since(began).Round(100*time.Millisecond))
	}
	lost.soak(ctx)
	if err := lost.count(ctx, r); err != nil {
		return nil, err
	}
	// The client in the mesh has sent all the time, and so it comes last.
	mesh := installation.New(r.Stack, "")
	if err := mesh.Restart(ctx, clientNamespace, "client"); err != nil {
		return nil, err
	}
	return lost, r.proxiesAre(ctx)
}

// steps are the changes of the upgrade, in their order.
func (r *Rehearsal) steps() ([]step, error) {
	if r.Installation != "" {
		if err := r.Stack.Want(r.Installation); err != nil {
			return nil, err
		}
	}
	releases, err := r.Stack.ReleasesOf(r.Stack.Profile())
	if err != nil {
		return nil, err
	}
	var steps, gateways []step
	for _, release := range releases {
		s := step{release.String(), func(ctx context.Context) error { return r.apply(ctx, release) }}
		if filepath.Base(release.Chart) == "gateway" {
			gateways = append(gateways, s)
			continue
		}
		steps = append(steps, s)
	}
	if r.After != nil {
		steps = append(steps, step{"the configuration", r.toAfter})
	}
	return append(append(steps, gateways...), step{"the managed gateways", r.managedGateways}, step{"the workloads", r.workloads}), nil
}

// apply brings a release to its new version, and the pods of a gateway to the new proxy.
func (r *Rehearsal) apply(ctx context.Context, release charts.Release) error {
	if _, err := r.Stack.Helm.Apply(ctx, release); err != nil {
		return err
	}
	if filepath.Base(release.Chart) != "gateway" {
		return nil
	}
	mesh := installation.New(r.Stack, "")
	for _, e := range r.Plan.Entrances {
		if e.Namespace != release.Namespace || e.Managed || e.Release != release.Name {
			continue
		}
		if err := mesh.RolledOut(ctx, e.Namespace, e.Name); err != nil {
			return err
		}
		old, err := r.old(ctx, e.Namespace)
		if err != nil {
			return err
		}
		if len(old) > 0 {
			return mesh.Restart(ctx, e.Namespace, e.Name)
		}
	}
	return nil
}

// old names the pods of a namespace whose proxy is not the new one.
func (r *Rehearsal) old(ctx context.Context, namespace string) ([]string, error) {
	pods, err := r.Stack.Pods(ctx, namespace, "")
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range pods {
		if v := installation.ProxyVersion(&pods[i]); v != "" && v != r.Stack.Cell.Istio && pods[i].Status.Phase == corev1.PodRunning {
			names = append(names, pods[i].Name+" has a proxy of "+v)
		}
	}
	return names, nil
}

// toAfter writes the configuration of the mesh to go to.
func (r *Rehearsal) toAfter(ctx context.Context) error {
	refused, err := r.reconfigure(ctx, r.After)
	for _, refusal := range refused {
		r.report.Findings = append(r.report.Findings, finding.Finding{
			Level: finding.Breaks, Rule: "refused", Object: kube.Name(refusal.Object), Why: fmt.Sprintf("Istio %s refuses it: %s", r.To, refusal.Why),
		})
	}
	return err
}

// reconfigure writes another configuration of the mesh, and removes what that has no more.
// An object keeps its age. It returns what was refused.
func (r *Rehearsal) reconfigure(ctx context.Context, mesh *capture.Mesh) ([]stage.Refusal, error) {
	next, err := stage.BuildLive(mesh, r.Stack.Images.Backend)
	if err != nil {
		return nil, err
	}
	for _, list := range []*[]*unstructured.Unstructured{&next.First, &next.Services} {
		if *list, err = r.ours(ctx, *list); err != nil {
			return nil, err
		}
	}
	refused, err := next.Apply(ctx, r.Stack.Cluster.Config)
	if err != nil {
		return nil, err
	}
	key := func(o *unstructured.Unstructured) string { return o.GroupVersionKind().Group + " " + kube.Name(o) }
	kept := map[string]bool{}
	for _, o := range slices.Concat(next.Services, next.Pods, next.Configuration) {
		kept[key(o)] = true
	}
	gone := slices.DeleteFunc(slices.Concat(r.live.Services, r.live.Pods, r.live.Configuration), func(o *unstructured.Unstructured) bool {
		return kept[key(o)] || isOurs(o.GetNamespace())
	})
	for _, s := range r.live.StandIns {
		if isOurs(s.Namespace) && !slices.ContainsFunc(next.StandIns, func(of *stage.StandIn) bool { return of.String() == s.String() }) {
			next.StandIns = append(next.StandIns, s)
		}
	}
	next.Notes = r.live.Notes
	r.live = next
	if err := kube.Delete(ctx, r.Stack.Client, gone); err != nil {
		return nil, err
	}
	return refused, r.ready(ctx)
}

// isOurs says whether a namespace is the rehearsal's own.
func isOurs(namespace string) bool {
	return slices.Contains([]string{clientNamespace, outsideNamespace, stage.ExternalNamespace}, namespace)
}

// managedGateways waits until istiod has given its gateways the new proxy.
func (r *Rehearsal) managedGateways(ctx context.Context) error {
	mesh := installation.New(r.Stack, "")
	for _, e := range r.Plan.Entrances {
		if !e.Managed {
			continue
		}
		err := kit.Until(ctx, installation.RolloutTimeout, func(ctx context.Context) error {
			pods, err := r.Stack.Pods(ctx, e.Namespace, "gateway.networking.k8s.io/gateway-name="+e.Labels["gateway.networking.k8s.io/gateway-name"])
			for i := range pods {
				if v := installation.ProxyVersion(&pods[i]); v != r.Stack.Cell.Istio {
					err = fmt.Errorf("pod %s/%s of %s has a proxy of %s", e.Namespace, pods[i].Name, e, v)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := mesh.RolledOut(ctx, e.Namespace, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// workloads restarts the stand-ins, so that they get the new sidecar.
func (r *Rehearsal) workloads(ctx context.Context) error {
	mesh, all := installation.New(r.Stack, ""), map[string][]string{}
	for _, s := range r.live.StandIns {
		if s.Proxied && s.Namespace != clientNamespace {
			all[s.Namespace] = append(all[s.Namespace], s.Name)
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(all)) {
		if err := mesh.Restart(ctx, namespace, all[namespace]...); err != nil {
			return err
		}
	}
	return nil
}

// proxiesAre makes sure that no proxy of the mesh was left behind: answers of an old one
// would say nothing of the new version.
func (r *Rehearsal) proxiesAre(ctx context.Context) error {
	for _, namespace := range slices.Sorted(maps.Keys(r.deployments())) {
		old, err := r.old(ctx, namespace)
		if err != nil {
			return err
		}
		if len(old) > 0 {
			return fmt.Errorf("after the upgrade to %s pods of namespace %s are behind: %v", r.To, namespace, old)
		}
	}
	return nil
}
