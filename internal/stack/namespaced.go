package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/images"
	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/progress"
)

// What the checks of a run take at most of somebody else's cluster. A ResourceQuota in
// their namespace holds them to it.
const (
	maxPods   = 40
	maxCPU    = "2"
	maxMemory = "4Gi"
)

// prepareNamespace finds out what the checks need to make pods in one namespace, and
// says before anything is made what they may take.
func (b *Builder) prepareNamespace(ctx context.Context, logf progress.Logf) error {
	if err := b.findKind(ctx, logf); err != nil {
		b.noKind = err.Error()
	}
	b.Images = &images.Set{Backend: b.config.BackendImage}
	if b.Images.Backend == "" {
		var err error
		if b.Images.Backend, err = b.loadBackend(ctx, logf); err != nil {
			b.noBackend = fmt.Sprintf("no image of the backend: %v; build one with istio-conformance images backend, push it, and name it: BACKEND_IMAGE=", err)
			logf("%s", b.noBackend)
		}
	}
	logf("the checks make Namespace %s with at most %d pods, which ask for %s CPU and %s of memory at most; hosts below %s; Secrets of gateways in Namespace %s, labelled %s=%s; all of it goes at the end",
		b.Namespace, maxPods, maxCPU, maxMemory, b.Domain(), b.Gateway.Namespace, ownerLabel, b.Namespace)
	return nil
}

// limit holds what the checks make in the namespace to what was said.
func (s *Stack) limit(ctx context.Context, namespace string) error {
	quantity := resource.MustParse
	quota := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: testNamespace},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
			corev1.ResourcePods: *resource.NewQuantity(maxPods, resource.DecimalSI), corev1.ResourceRequestsCPU: quantity(maxCPU), corev1.ResourceRequestsMemory: quantity(maxMemory),
		}},
	}
	// With the quota a container must ask for something.
	defaults := &corev1.LimitRange{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: testNamespace},
		Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
			Type: corev1.LimitTypeContainer, DefaultRequest: corev1.ResourceList{corev1.ResourceCPU: quantity("10m"), corev1.ResourceMemory: quantity("32Mi")},
		}}},
	}
	for _, object := range []client.Object{defaults, quota} {
		if err := s.Client.Create(ctx, object); err != nil {
			return fmt.Errorf("limit what the checks take in Namespace %s: %w", namespace, err)
		}
	}
	return nil
}

// findKind finds the nodes where kind made them on an engine of this machine.
func (b *Builder) findKind(ctx context.Context, logf progress.Logf) error {
	e, err := engine.Detect(ctx, engine.Options{Choice: b.config.Engine, CacheDir: b.config.CacheDir, Logf: logf})
	var none *engine.NotFoundError
	if errors.As(err, &none) {
		return errors.New("no container engine of this machine runs the nodes")
	}
	if err != nil {
		return err
	}
	nodes, err := b.Cluster.KindNodes(ctx, e)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return errors.New("the nodes are not those of a kind cluster on this machine")
	}
	b.kind, b.kindNodes = e, nodes
	return nil
}

// WhyNoNodes says why what runs on a node cannot be run; empty when it can.
func (s *Stack) WhyNoNodes() string {
	switch {
	case s.kind != nil:
		return ""
	case s.InNamespace():
		return s.noKind + ", and no others are entered"
	default:
		return s.WhyNotOurs()
	}
}

// RunFile runs a static program of this machine on a node, and leaves nothing there.
func (s *Stack) RunFile(ctx context.Context, node, program string, args ...string) (string, error) {
	if s.kind != nil {
		return cluster.RunFileIn(ctx, s.kind, node, program, args...)
	}
	return s.Cluster.ExecFile(ctx, node, program, args...)
}

// RunNear runs a program of this machine where a node's ports are near: in the network
// namespace of a node of ours, else on this machine. how says which, for a report.
func (s *Stack) RunNear(ctx context.Context, node, program string, args ...string) (out, how string, err error) {
	if s.Existing() {
		return cluster.RunHere(ctx, program, args...)
	}
	return s.Cluster.ExecInNetwork(ctx, node, program, args...)
}

// loadBackend builds the backend's image and loads it into the nodes of a kind cluster
// of this machine; unload takes it out again.
func (b *Builder) loadBackend(ctx context.Context, logf progress.Logf) (_ string, err error) {
	if b.kind == nil {
		return "", fmt.Errorf("BACKEND_IMAGE is not set, and %s", b.noKind)
	}
	dir, err := os.MkdirTemp(b.config.CacheDir, "backend-")
	if err != nil {
		return "", fmt.Errorf("make room for the backend's image: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "image.tar")
	reference, err := backend.Build(ctx, b.config.Root, b.config.CacheDir, path, "", logf)
	if err != nil {
		return "", err
	}
	loaded, err := b.Cluster.LoadIntoKind(ctx, b.kind, b.kindNodes, reference, path)
	if err != nil {
		return "", err
	}
	b.unload = func(ctx context.Context) error {
		others, err := b.otherRuns(ctx)
		if err != nil || others {
			return err // Another run's pods need it.
		}
		return cluster.RemoveFromKind(ctx, b.kind, loaded, reference)
	}
	logf("image %s of the backend is in the nodes %s of this kind cluster", reference, strings.Join(b.kindNodes, ", "))
	return reference, nil
}
