// Package config says what the proxies of a captured mesh are sent otherwise by a new
// version of Istio: istiod of both versions, as plain processes with an API server that
// holds the captured objects, is asked for the configuration of each kind of proxy.
package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/images/modules"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/notes"
	"istio-conformance/internal/rehearse/planes"
	"istio-conformance/internal/rehearse/stage"
)

// mostProxies is how many are asked about; one stands for all of its shape.
const mostProxies = 200

// Side is one of the two that are compared.
type Side struct {
	Mesh     *capture.Mesh
	Version  istio.Version
	Charts   map[string]string
	Programs *modules.Programs
}

// Rehearsal is a comparison.
type Rehearsal struct {
	From, To Side
	// Kubernetes is the version that charts are rendered for, "v1.36.3".
	Kubernetes string
	// GatewayAPI are the CRDs of the Gateway API.
	GatewayAPI []*unstructured.Unstructured
	// Dir holds what the processes write; it is the caller's to remove.
	Dir  string
	Logf progress.Logf

	notes  []notes.Note
	report *finding.Report
	// changed are the objects that differ between the two captures.
	changed []*capture.Object
}

// answers are what one side says.
type answers struct {
	sent    sent
	refused map[string]string // by object
	stage   *stage.Stage
}

// Run makes the comparison.
func (r *Rehearsal) Run(ctx context.Context) (_ *finding.Report, err error) {
	r.report = &finding.Report{How: "config", From: r.From.Version.String(), To: r.To.Version.String(), Kubernetes: r.Kubernetes}
	if r.notes, err = notes.On(r.From.Version, r.To.Version); err != nil {
		return nil, err
	}
	before, after, err := r.both(ctx)
	if err != nil {
		return nil, err
	}
	r.refusals(before, after)
	r.compare(before, after)
	r.report.Assumed = before.stage.Notes
	r.report.Looked = append(r.report.Looked,
		fmt.Sprintf("what istiod %s and %s send %d proxies: clusters, endpoints, listeners and routes", r.From.Version, r.To.Version, len(after.sent)),
		fmt.Sprintf("what their webhooks say of %d objects", len(after.stage.Configuration)))
	r.report.NotLooked = append(r.report.NotLooked, "how requests are answered: no traffic was sent")
	r.report.Sort()
	return r.report, nil
}

// both asks both sides. With the same mesh they share the API server, so that every
// object has the same age for both.
func (r *Rehearsal) both(ctx context.Context) (before, after *answers, err error) {
	api, err := r.api(ctx, "from", &r.From)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if api != nil { // the second may not have started
			api.Stop()
		}
	}()
	staged, refused, err := r.set(ctx, api, &r.From)
	if err != nil {
		return nil, nil, err
	}
	if before, err = r.answers(ctx, "from", api, &r.From, staged, refused); err != nil {
		return nil, nil, err
	}
	if r.From.Mesh == r.To.Mesh {
		if err := r.crds(ctx, api, &r.To); err != nil {
			return nil, nil, err
		}
		if refused, err = staged.Again(ctx, api.Config); err != nil {
			return nil, nil, err
		}
		after, err = r.answers(ctx, "to", api, &r.To, staged, refused)
		return before, after, err
	}
	api.Stop()
	if api, err = r.api(ctx, "to", &r.To); err != nil {
		return nil, nil, err
	}
	if staged, refused, err = r.set(ctx, api, &r.To); err != nil {
		return nil, nil, err
	}
	after, err = r.answers(ctx, "to", api, &r.To, staged, refused)
	return before, after, err
}

// api starts an API server with the CRDs of a side.
func (r *Rehearsal) api(ctx context.Context, name string, side *Side) (*planes.API, error) {
	dir := filepath.Join(r.Dir, name+"-api")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	api, err := planes.StartAPI(ctx, side.Programs.Etcd, side.Programs.APIServer, dir)
	if err != nil {
		return nil, err
	}
	r.Logf("the API server answers")
	if err := errors.Join(r.crds(ctx, api, side), stage.ApplyCRDs(ctx, api.Config, r.GatewayAPI)); err != nil {
		api.Stop()
		return nil, err
	}
	return api, nil
}

// crds writes the CRDs of a side's chart base.
func (r *Rehearsal) crds(ctx context.Context, api *planes.API, side *Side) error {
	manifest, err := charts.Render(ctx, charts.Release{Name: "istio-base", Namespace: "istio-system", Chart: side.Charts["base"]}, r.Kubernetes)
	if err != nil {
		return err
	}
	objects, err := kube.Decode(strings.NewReader(manifest))
	if err != nil {
		return err
	}
	return stage.ApplyCRDs(ctx, api.Config, slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() != "CustomResourceDefinition" }))
}

// set writes a side's mesh.
func (r *Rehearsal) set(ctx context.Context, api *planes.API, side *Side) (*stage.Stage, []stage.Refusal, error) {
	staged, err := stage.Build(side.Mesh)
	if err != nil {
		return nil, nil, err
	}
	refused, err := staged.Apply(ctx, api.Config)
	if err != nil {
		return nil, nil, err
	}
	r.Logf("the mesh is set: %d Services, %d pods, %d objects of configuration", len(staged.Services), len(staged.Pods), len(staged.Configuration))
	// Gateways first: they carry what comes from outside.
	slices.SortStableFunc(staged.Proxies, func(a, b *stage.Proxy) int {
		switch {
		case a.Gateway == b.Gateway:
			return 0
		case a.Gateway:
			return -1
		}
		return 1
	})
	if len(staged.Proxies) > mostProxies {
		r.report.NotLooked = append(r.report.NotLooked, fmt.Sprintf("%d of %d proxies: at most %d are asked about", len(staged.Proxies)-mostProxies, len(staged.Proxies), mostProxies))
		staged.Proxies = staged.Proxies[:mostProxies]
	}
	return staged, refused, nil
}

// answers asks a side's istiod.
func (r *Rehearsal) answers(ctx context.Context, name string, api *planes.API, side *Side, staged *stage.Stage, refused []stage.Refusal) (*answers, error) {
	istiod, err := planes.StartIstiod(ctx, side.Programs.Istiod, side.Version.String(), filepath.Join(r.Dir, name+"-istiod"), api, r.release(side), r.Kubernetes)
	if err != nil {
		return nil, err
	}
	defer istiod.Stop()
	r.Logf("istiod %s answers", side.Version)
	found := &answers{refused: map[string]string{}, stage: staged}
	for _, refusal := range refused {
		found.refused[kube.Name(refusal.Object)] = "the API server: " + refusal.Why
	}
	for _, object := range staged.Configuration {
		if !planes.Validates(object.GroupVersionKind().Group) {
			continue
		}
		why, err := istiod.Refuses(ctx, object)
		if err != nil {
			return nil, err
		}
		if why != "" && found.refused[kube.Name(object)] == "" {
			found.refused[kube.Name(object)] = "istiod's webhook: " + why
		}
	}
	if err := settle(ctx, istiod, staged.Proxies); err != nil {
		return nil, err
	}
	if found.sent, err = ask(ctx, istiod, staged.Proxies); err != nil {
		return nil, err
	}
	r.Logf("istiod %s has said what it sends %d proxies", side.Version, len(found.sent))
	return found, nil
}

// release is the side's istiod as it is installed.
func (r *Rehearsal) release(side *Side) charts.Release {
	release := charts.Release{Name: "istiod", Namespace: "istio-system", Chart: side.Charts["istiod"]}
	for _, captured := range side.Mesh.Releases {
		if captured.Chart == "istiod" {
			release.Name, release.Namespace, release.Values = captured.Name, captured.Namespace, captured.Values
			break
		}
	}
	return release
}
