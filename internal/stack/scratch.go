package stack

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// scratchTimeout bounds the removal of the namespace with the pods in it.
const scratchTimeout = 2 * time.Minute

// scratch is a namespace of this run's own, made when it is first asked for.
type scratch struct {
	mu   sync.Mutex
	name string
}

// ScratchNamespace returns a namespace of this run's own, with no label that
// means anything to Istio; Close removes it. It is all that a run changes in an
// existing cluster.
func (s *Stack) ScratchNamespace(ctx context.Context) (string, error) {
	s.scratch.mu.Lock()
	defer s.scratch.mu.Unlock()
	if s.scratch.name != "" {
		return s.scratch.name, nil
	}
	name := testNamespace + "-" + rand.String(6)
	if s.InNamespace() {
		name = s.Namespace
	}
	if err := s.Client.Create(ctx, s.scratchNamespace(name)); err != nil {
		return "", fmt.Errorf("create Namespace %s: %w", name, err)
	}
	s.scratch.name = name
	if s.InNamespace() {
		return name, s.limit(ctx, name)
	}
	return name, nil
}

// scratchNamespace is the namespace of this run's own.
func (s *Stack) scratchNamespace(name string) *corev1.Namespace {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{ownerLabel: "true"}}}
	maps.Copy(ns.Labels, s.discovered())
	return ns
}

// tryNamespace says why the API server does not take such a namespace, until it was made.
func (s *Stack) tryNamespace(ctx context.Context) error {
	s.scratch.mu.Lock()
	defer s.scratch.mu.Unlock()
	if s.scratch.name != "" {
		return nil
	}
	_, err := s.Cluster.Kube.CoreV1().Namespaces().Create(ctx, s.scratchNamespace(testNamespace+"-"+rand.String(6)), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// removeScratch deletes the namespace and, when wait is set, stays until it is gone.
func (s *Stack) removeScratch(ctx context.Context, stay bool) error {
	s.scratch.mu.Lock()
	defer s.scratch.mu.Unlock()
	if s.scratch.name == "" {
		return nil
	}
	if s.InNamespace() {
		if err := s.removeMarked(ctx); err != nil {
			return err
		}
	}
	if stay {
		if err := s.endPods(ctx, s.scratch.name); err != nil {
			return err
		}
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.scratch.name}}
	if err := s.Client.Delete(ctx, ns); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Namespace %s: %w", ns.Name, err)
	}
	if !stay {
		return nil
	}
	err := wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, scratchTimeout, true, func(ctx context.Context) (bool, error) {
		err := s.Client.Get(ctx, client.ObjectKeyFromObject(ns), ns)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
	if err != nil {
		return fmt.Errorf("wait until Namespace %s is gone: its status says %v: %w", ns.Name, ns.Status.Conditions, err)
	}
	s.scratch.name = ""
	return nil
}
