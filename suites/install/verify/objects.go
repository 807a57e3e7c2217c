package verify

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// Istio itself or an autoscaler changes these after Helm has set them.
var theirs = []struct {
	kind string
	path *regexp.Regexp
	// becomes is the only value that the field may get; nil is any.
	becomes any
}{
	// Istiod opens the webhook for its first start and closes it when it serves.
	{"ValidatingWebhookConfiguration", regexp.MustCompile(`^webhooks\[[^]]+\]\.failurePolicy$`), "Fail"},
}

// maxShown is how many differences a failure tells.
const maxShown = 20

var _ = Checks.Add(objects)

// objects looks for each object of the charts, and compares what the charts set.
func objects(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "rendered-objects",
		SkipIf:   s.WithRecord("base", "istiod", "gateway"),
		Promise:  "every object that the charts render is there, and has in every field that they set the value that they set",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("the cluster is not what Helm installed",
				"the differences above name objects and fields; helm upgrade with the same chart and values sets them back, kubectl get --show-managed-fields says who changed them",
				"https://helm.sh/docs/helm/helm_get_manifest/")
			want := rendered(ctx, t, s)
			scaled := autoscaled(want)
			var differences []string
			kinds := map[string]int{}
			for _, object := range want {
				kinds[object.GetKind()]++
				got, err := live(ctx, s, object)
				if err != nil {
					differences = append(differences, fmt.Sprintf("%s: %v", kube.Name(object), err))
					continue
				}
				for _, d := range kube.Drift(content(object), got.Object) {
					if !allowed(object, d, scaled) {
						differences = append(differences, fmt.Sprintf("%s: %s", kube.Name(object), d))
					}
				}
			}
			if more := len(differences) - maxShown; more > 0 {
				differences = append(differences[:maxShown], fmt.Sprintf("and %d more", more))
			}
			t.Expect(differences).To(gomega.BeEmpty(), "differences between the releases %v and the cluster", s.Releases)
			t.Observe("%d objects of %d kinds: %s", len(want), len(kinds), summary(kinds))
		},
	}
}

// content is what the chart sets of an object, without what tells which it is.
func content(object *unstructured.Unstructured) map[string]any {
	fields := maps.Clone(object.Object)
	delete(fields, "status")
	return fields
}

// allowed reports whether the difference is one that Istio or an autoscaler makes.
func allowed(object *unstructured.Unstructured, d kube.Difference, scaled map[string]bool) bool {
	if d.Path == "spec.replicas" && scaled[kube.Name(object)] {
		return true
	}
	for _, x := range theirs {
		if x.kind == object.GetKind() && x.path.MatchString(d.Path) && (x.becomes == nil || x.becomes == d.Got) {
			return true
		}
	}
	return false
}

// autoscaled returns the names of what a HorizontalPodAutoscaler scales.
func autoscaled(objects []*unstructured.Unstructured) map[string]bool {
	found := map[string]bool{}
	for _, object := range objects {
		if object.GetKind() != "HorizontalPodAutoscaler" {
			continue
		}
		target, _, _ := unstructured.NestedStringMap(object.Object, "spec", "scaleTargetRef")
		found[fmt.Sprintf("%s %s/%s", target["kind"], object.GetNamespace(), target["name"])] = true
	}
	return found
}

func summary(kinds map[string]int) string {
	var texts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		texts = append(texts, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	return strings.Join(texts, ", ")
}
