package enrolment

import (
	"context"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient/mesh"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(byNamespace)

// byNamespace labels a namespace of its own, in which one pod opts out.
func byNamespace(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "enrolled-by-namespace",
		Promise:  "the label of a namespace takes its pods into the ambient mesh, those that run and new ones, but for one that opts out, and gives none of them a sidecar",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			m := mesh.NewIn(ctx, t, s, "by-namespace")
			node := s.Cluster.Nodes()[0].Name
			before := m.Start(ctx, t, mesh.Wanted{Role: "before", Node: node, Mode: ""}, mesh.Wanted{Role: "out", Node: node, Mode: mesh.None})
			before[0].MustBeEnrolled(ctx, t, false)
			ns := &corev1.Namespace{}
			t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: m.Namespace}, ns)).To(gomega.Succeed())
			patch := client.MergeFrom(ns.DeepCopy())
			ns.Labels[mesh.ModeLabel] = mesh.Ambient
			t.Expect(s.Client.Patch(ctx, ns, patch)).To(gomega.Succeed())
			before[0].MustBeEnrolled(ctx, t, true)
			after := m.Start(ctx, t, mesh.Wanted{Role: "after", Node: node, Mode: ""})
			after[0].MustBeEnrolled(ctx, t, true)
			before[1].MustBeEnrolled(ctx, t, false)
			pod, err := kit.Injected(ctx, s, m.Namespace, nil)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("a pod in a namespace of the ambient mesh gets a sidecar that nobody asked for", "look at the labels of the namespace", link)
			t.Expect(kit.ContainerNames(pod)).NotTo(gomega.ContainElement(kit.ProxyContainer))
			t.Observe("two pods enrolled by the namespace's label, one that ran before it, and one left out by its own")
		},
	}
}
