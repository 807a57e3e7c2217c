package serverside

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

var _ = Checks.Add(gitopsDrift)

// gitopsDrift asks, by dry runs, what GitOps tools would fight about with Istio.
func gitopsDrift(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "gitops-drift",
		Promise:  "where Argo CD or Flux apply what the charts render, exactly the fields of fixtures/drift.yaml never settle, by the conflicts and by what would change",
		Parallel: true,
		SkipIf:   onlyHelm4(s),
		Breaks: []check.Break{{
			Name: "drift-undocumented", Promise: "a field of the charts that somebody in the cluster sets otherwise is noticed",
			Make: mutation.On(s, changeLabel), Says: "other fields than those of fixtures/drift.yaml never settle",
		}},
		Run: func(ctx context.Context, t *check.T) {
			known, err := readDocumented()
			t.Expect(err).NotTo(gomega.HaveOccurred())
			var refused, changed []any
			for _, d := range known {
				refused = append(refused, d.String())
				changed = append(changed, fmt.Sprintf("%s: %s: want %q, got %q", d.Object, inDrift(d.Field), d.Rendered, d.Live))
			}
			asRendered, err := render(ctx, s, s.Releases)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			for _, tool := range tools {
				t.Diagnose("other fields than those of fixtures/drift.yaml never settle", "kubectl get --show-managed-fields says who sets them", "https://argo-cd.readthedocs.io/en/stable/user-guide/diffing/")
				t.Expect(conflicts(ctx, s, tool, asRendered)).To(gomega.ConsistOf(refused...), "fields for which %s is refused unless it forces", tool)
				t.Expect(drift(ctx, s, tool, asRendered)).To(gomega.ConsistOf(changed...), "fields that %s changes each time when it forces", tool)
			}
			t.Observe("%d objects as %s; what never settles: %s", len(asRendered), strings.Join(tools, " and "), refused)
		},
	}
}

// inDrift is a field's path as kube.Drift writes it.
func inDrift(field string) string {
	return strings.TrimPrefix(strings.NewReplacer(`[name="`, "[", `"]`, "]").Replace(field), ".")
}

// versionLabel is a label of the chart's that nobody selects by, and byHand what it is
// changed to.
const versionLabel, byHand = "app.kubernetes.io/version", "by-hand"

// changeLabel changes a label of the gateway's Service.
func changeLabel(ctx context.Context, t *check.T, s *stack.Stack) {
	old := setVersion(ctx, t, s, byHand)
	mutation.Mend(ctx, t, func(ctx context.Context) { setVersion(ctx, t, s, old) })
}

// setVersion sets the label and returns what it was.
func setVersion(ctx context.Context, t *check.T, s *stack.Stack, value string) string {
	service := &corev1.Service{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Gateway.Namespace, Name: s.Gateway.Release}, service)).To(gomega.Succeed())
	patch := client.MergeFrom(service.DeepCopy())
	old := service.Labels[versionLabel]
	service.Labels[versionLabel] = value
	t.Expect(s.Client.Patch(ctx, service, patch)).To(gomega.Succeed())
	return old
}

// calm is how long istiod must push nothing to have nothing left to push: its longest
// wait for more changes is 10 s, and 100 ms after the last one.
const calm = 2 * time.Second

// Last: for a while other tools own all that the other checks look at.
var _ = Checks.AddAt(4, gitopsSync)

// gitopsSync applies in earnest what changes nothing.
func gitopsSync(s *stack.Stack) check.Check {
	return check.Check{
		Name: "gitops-takes-over",
		Promise: "with the values of fixtures/drift.yaml nothing drifts: Argo CD and Flux take over what Helm installed, CRDs too, a second sync writes no object and reaches no proxy, " +
			"and Helm takes all back only with --force-conflicts",
		Timeout: 4 * time.Minute,
		SkipIf:  onlyHelm4(s),
		Breaks: []check.Break{{
			Name: "sync-fought", Promise: "somebody who sets a field back after each sync is noticed",
			Make: mutation.On(s, fight), Says: "a second sync of the same writes again",
		}},
		Run: func(ctx context.Context, t *check.T) {
			known, err := readDocumented()
			t.Expect(err).NotTo(gomega.HaveOccurred())
			releases := settling(s.Releases, known)
			objects, err := render(ctx, s, releases)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.CleanupWithin(ctx, time.Minute, func(ctx context.Context) {
				t.Expect(disown(ctx, s, objects)).To(gomega.Succeed())
				forced := slices.Clone(s.Releases)
				for i := range forced {
					forced[i].ForceConflicts, forced[i].ServerSide = true, true
				}
				t.Expect(upgradeAll(ctx, s, forced)).To(gomega.Succeed(), "give the releases their own values back")
			})
			t.Diagnose("Helm cannot give the releases the values of fixtures/drift.yaml", "the message says why", "https://istio.io/latest/docs/setup/upgrade/helm/")
			t.Expect(upgradeAll(ctx, s, releases)).To(gomega.Succeed())
			for _, tool := range tools {
				takeOver(ctx, t, s, tool, objects)
			}
			last := tools[len(tools)-1]
			t.Diagnose("Helm takes back what a GitOps tool has taken over, without being asked", "look for --force-conflicts in what runs helm upgrade", link)
			t.Expect(upgradeAll(ctx, s, releases)).To(gomega.MatchError(gomega.MatchRegexp("conflicts? with %q", last)), "an upgrade to the same values, which conflict all the same where defaults are filled in")
			t.Diagnose("Helm cannot take back what a GitOps tool has taken over", "the message names object, field and owner", link)
			for i := range releases {
				releases[i].ForceConflicts = true
			}
			t.Expect(upgradeAll(ctx, s, releases)).To(gomega.Succeed())
		},
	}
}

// upgradeAll upgrades the releases at the same time: they share no object.
func upgradeAll(ctx context.Context, s *stack.Stack, releases []charts.Release) error {
	var upgrades errgroup.Group
	for _, r := range releases {
		upgrades.Go(func() error {
			_, err := s.Helm.Upgrade(ctx, r)
			return err
		})
	}
	return upgrades.Wait()
}

// takeOver syncs twice as a tool, and looks at what the second time did.
func takeOver(ctx context.Context, t *check.T, s *stack.Stack, tool string, objects []*unstructured.Unstructured) {
	t.Helper()
	t.Diagnose("the values of fixtures/drift.yaml do not end the drift", "compare what helm template prints with them", "https://istio.io/latest/docs/setup/upgrade/helm/")
	t.Expect(conflicts(ctx, s, tool, objects)).To(gomega.BeEmpty(), "fields for which %s is refused unless it forces", tool)
	t.Expect(drift(ctx, s, tool, objects)).To(gomega.BeEmpty(), "fields that %s would change", tool)
	start := settle(ctx, t, s)
	t.Diagnose("a GitOps tool that forces cannot take over what Helm installed", "the message says why", link)
	first, err := sync(ctx, s, tool, objects)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	before := settle(ctx, t, s)
	second, err := sync(ctx, s, tool, objects)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Diagnose("a second sync of the same writes again", "kubectl get --show-managed-fields says who changed the object between the two", link)
	t.Expect(second).To(gomega.Equal(first), "resourceVersion of the objects after the first sync as %s and after the second", tool)
	t.Diagnose("a second sync of the same reaches the proxies", "istiod's log says what it pushes, and why", "https://github.com/istio/istio/issues/60629")
	t.Expect(settle(ctx, t, s)).To(gomega.Equal(before), "pushes by istiod's own count")
	t.Observe("%d objects as %s: istiod pushed %v times when they were taken over, and not at the second sync", len(objects), tool, before-start)
}

// settle waits until istiod has nothing more to push, and returns how often it pushed.
func settle(ctx context.Context, t *check.T, s *stack.Stack) float64 {
	t.Helper()
	last, since := -1.0, time.Now()
	t.Eventually(ctx, func() (time.Duration, error) {
		pushes, err := kit.IstiodSum(ctx, s, "pilot_xds_pushes", nil)
		if err != nil {
			return 0, err
		}
		if pushes != last {
			last, since = pushes, time.Now()
		}
		return time.Since(since), nil
	}).WithTimeout(30*time.Second).Should(gomega.BeNumerically(">", calm), "how long istiod has pushed nothing")
	return last
}

// sync applies the objects as a tool that forces, and returns their versions.
func sync(ctx context.Context, s *stack.Stack, as string, objects []*unstructured.Unstructured) (map[string]string, error) {
	versions := map[string]string{}
	for _, object := range objects {
		synced, err := apply(ctx, s, as, object, client.ForceOwnership)
		if err != nil {
			return nil, err
		}
		versions[kube.Name(object)] = synced.GetResourceVersion()
	}
	return versions, nil
}

// disown takes the tools off the lists of who manages the objects' fields.
func disown(ctx context.Context, s *stack.Stack, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		is := &unstructured.Unstructured{}
		is.SetGroupVersionKind(object.GroupVersionKind())
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(object), is); err != nil {
			return fmt.Errorf("get %s: %w", kube.Name(object), err)
		}
		before := is.DeepCopy()
		kept := is.GetManagedFields()[:0:0]
		for _, entry := range is.GetManagedFields() {
			if entry.Manager != tools[0] && entry.Manager != tools[1] {
				kept = append(kept, entry)
			}
		}
		is.SetManagedFields(kept)
		if err := s.Client.Patch(ctx, is, client.MergeFrom(before)); err != nil {
			return fmt.Errorf("disown %s: %w", kube.Name(object), err)
		}
	}
	return nil
}

// fight sets a label of the gateway's Service back whenever a sync has set it.
func fight(ctx context.Context, t *check.T, s *stack.Stack) {
	// Registered first, so that it is done when the watch has ended.
	mutation.Mend(ctx, t, func(ctx context.Context) { setVersion(ctx, t, s, s.Cell.Istio) })
	bySync := func(entry metav1.ManagedFieldsEntry) bool { return entry.Manager == tools[0] }
	events, err := s.Cluster.Kube.CoreV1().Services(s.Gateway.Namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + s.Gateway.Release})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
		service, ok := event.Object.(*corev1.Service)
		if !ok || service.Labels[versionLabel] == byHand || !slices.ContainsFunc(service.ManagedFields, bySync) {
			return nil
		}
		patch := client.MergeFrom(service.DeepCopy())
		service.Labels[versionLabel] = byHand
		return s.Client.Patch(ctx, service, patch)
	})
}
