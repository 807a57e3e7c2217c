package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(images)

// images looks at the images of what the charts start and of every proxy.
func images(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "images",
		SkipIf:   s.WithRecord("base", "istiod", "gateway"),
		Promise:  "every container that the charts start, and every injected one, runs exactly the image that its release names, with its variant",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			rendered, err := kit.RenderedOf(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("a pod runs another image than the release names",
				"restart what is named above: kubectl rollout restart; a pod's image comes from the injector when the pod is made, and stays",
				"https://istio.io/latest/docs/setup/upgrade/helm/")
			var pods corev1.PodList
			t.Expect(s.Client.List(ctx, &pods)).To(gomega.Succeed())
			found, wrong := compare(rendered, pods.Items)
			t.Expect(wrong).To(gomega.BeEmpty(), "images")
			for _, w := range rendered.Workloads {
				t.Expect(found.workloads).To(gomega.HaveKey(w.String()), "what has a pod")
			}
			t.Observe("%d containers of %d pods run %s", found.containers, found.pods, strings.Join(slices.Sorted(maps.Keys(found.images)), ", "))
		},
	}
}

// compared is what images of pods were compared.
type compared struct {
	containers, pods  int
	images, workloads map[string]bool
}

// compare holds the images of pods that are not being deleted against what the
// releases name, and says which differ.
func compare(rendered kit.Rendered, pods []corev1.Pod) (found compared, wrong []string) {
	found = compared{images: map[string]bool{}, workloads: map[string]bool{}}
	for i := range pods {
		pod := &pods[i]
		if pod.DeletionTimestamp != nil {
			continue
		}
		want, workload := wanted(rendered, pod)
		found.workloads[workload] = true
		counted := false
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			image, ok := want[c.Name]
			if !ok {
				continue
			}
			counted = true
			found.containers++
			found.images[image] = true
			if c.Image != image {
				wrong = append(wrong, fmt.Sprintf("container %s of pod %s: %s, want %s", c.Name, client.ObjectKeyFromObject(pod), c.Image, image))
			}
		}
		if counted {
			found.pods++
		}
	}
	return found, wrong
}

// wanted returns the images of a pod's containers by their names, and the workload
// of the charts that the pod is of; the latter is empty for one that only the
// injector has to do with.
func wanted(rendered kit.Rendered, pod *corev1.Pod) (images map[string]string, workload string) {
	images = map[string]string{
		kit.ProxyContainer: rendered.Injection.Proxy, "istio-init": rendered.Injection.Init, "istio-validation": rendered.Injection.Init,
	}
	for _, w := range rendered.Workloads {
		if w.Namespace != pod.Namespace || !selects(w.Selector, pod.Labels) {
			continue
		}
		for name, image := range w.Images {
			if !charts.Auto(image) {
				images[name] = image
			}
		}
		return images, w.String()
	}
	return images, ""
}

// selects reports whether a pod's labels are what a workload selects by.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return len(selector) > 0
}
