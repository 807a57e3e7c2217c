package soak

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
)

// keeper makes what all checks look at, once for all of them.
type keeper struct {
	stack *stack.Stack
	lasts time.Duration

	mu   sync.Mutex
	last *watched
	// first made what is there, or could not; asked are those that have looked at it.
	first string
	asked map[string]bool
}

// watched is what became of a mesh in that time.
type watched struct {
	traffic []flow.Seen
	// routes and pods are how many were made and replaced; slowest is how long it took at
	// most until a new route was served.
	routes, pods int
	slowest      time.Duration
	certificates map[string]*certificate
	series       map[process]*series
	// restarted are processes that ended.
	restarted []string
	warm      time.Duration
}

func (w *watched) judgeTraffic() (lost, invalid []string) { return flow.Nothing.Judge(w.traffic) }

// watch returns what the checks look at. A check that asks for the second time wants to see
// the mesh anew: it may be broken by now.
func (k *keeper) watch(ctx context.Context, t *check.T, who string) *watched {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.first == "" || k.asked[who] {
		k.last, k.first, k.asked = nil, who, map[string]bool{who: true}
		k.last = k.work(ctx, t)
	}
	k.asked[who] = true
	if k.last == nil {
		t.Skipf("the time could not be watched; soak/%s says why", k.first)
	}
	return k.last
}

// work lets the mesh work for the time that is asked for.
func (k *keeper) work(ctx context.Context, t *check.T) *watched {
	t.Helper()
	s := k.stack
	steady := kit.NewRoute(ctx, t, s, "outage", nil)
	rolling := kit.NewRoute(ctx, t, s, "outage-rolling", map[string]string{"Backend": s.Images.Backend, "ProxyMetadata": "{}"})
	kit.RolledOut(ctx, t, s, s.Namespace, rolling.Name)
	w := &watched{certificates: map[string]*certificate{}, series: map[process]*series{}, warm: warmUp(k.lasts)}
	fixed := k.fixedPods(ctx, t)
	at, err := flow.Address(ctx, s, steady.Host)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	traffic, err := flow.Start(ctx, at, steady.Host, k.lasts+around, flow.Kinds(rolling.Name+"."+s.Namespace))
	t.Expect(err).NotTo(gomega.HaveOccurred(), "start the traffic")
	t.Cleanup(traffic.Stop)
	t.Say("the mesh works for %s, of which the first %s are not judged", k.lasts, w.warm.Round(time.Second))

	until, cancel := context.WithTimeout(ctx, k.lasts)
	defer cancel()
	begun := time.Now()
	var all sync.WaitGroup
	errs := make([]error, 4)
	for i, f := range []func(context.Context) error{
		func(ctx context.Context) error { return k.changeRoutes(ctx, w) },
		func(ctx context.Context) error { return k.replacePods(ctx, w, "app="+rolling.Name) },
		func(ctx context.Context) error { return k.sample(ctx, w, begun, fixed) },
		func(ctx context.Context) error { return k.lookAtCertificates(ctx, w, fixed) },
	} {
		all.Go(func() {
			if errs[i] = f(until); errs[i] != nil {
				cancel() // One that is broken makes the others' time worthless.
			}
		})
	}
	all.Wait()
	t.Expect(ctx.Err()).NotTo(gomega.HaveOccurred(), "the mesh was to work for %s", k.lasts)
	t.Diagnose("what the mesh is to do meanwhile cannot be done", "the message says which", diagnostics)
	for _, err := range errs {
		t.Expect(err).NotTo(gomega.HaveOccurred())
	}
	traffic.Stop()
	t.Expect(traffic.Err()).NotTo(gomega.HaveOccurred(), "the traffic")
	w.traffic = traffic.Seen()
	return w
}

// fixedPods are those of istiod, of the gateway and of the backends, which nobody replaces,
// by name.
func (k *keeper) fixedPods(ctx context.Context, t *check.T) map[string]fixedPod {
	t.Helper()
	s := k.stack
	all := map[string]fixedPod{}
	for _, of := range []struct{ component, namespace, selector string }{
		{"istiod", stack.SystemNamespace, kit.IstiodSelector},
		{"gateway", s.Gateway.Namespace, s.Gateway.Selector},
		{"sidecars", s.Namespace, kit.BackendSelector},
	} {
		pods, err := s.ReadyPods(ctx, of.namespace, of.selector)
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Expect(pods).NotTo(gomega.BeEmpty(), "pods of %s", of.component)
		for _, pod := range pods {
			all[pod.Name] = fixedPod{pod, of.component}
		}
	}
	return all
}

// fixedPod is a pod with the part of the mesh that it belongs to.
type fixedPod struct {
	corev1.Pod
	component string
}

// warmUp is how much of the time is not judged: caches, pools and heaps fill.
func warmUp(lasts time.Duration) time.Duration { return min(lasts/2, 15*time.Minute) }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
