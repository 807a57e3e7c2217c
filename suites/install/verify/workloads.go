package verify

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

var _ = Checks.Add(workloads)

// workloads checks all that the charts start.
func workloads(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "workloads-ready",
		SkipIf:   s.WithRecord("base", "istiod", "gateway"),
		Promise:  "every Deployment, DaemonSet, HorizontalPodAutoscaler and PodDisruptionBudget of the charts is ready at its newest generation",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("something that the charts start is not ready, or still runs an older template",
				"look at the pods, events and logs in the evidence", "https://istio.io/latest/docs/ops/common-problems/")
			judged := 0
			for _, object := range rendered(ctx, t, s) {
				judge, known := readiness[object.GetKind()]
				if !known {
					continue
				}
				judged++
				t.Eventually(ctx, func() (string, error) {
					got, err := live(ctx, s, object)
					if err != nil {
						return "", err
					}
					return judge(got), nil
				}).Should(gomega.BeEmpty(), "%s\n%s", kube.Name(object), s.DescribePods(ctx, object.GetNamespace()))
			}
			t.Expect(judged).To(gomega.BeNumerically(">", 0), "the charts start nothing")
			t.Observe("%d ready", judged)
		},
	}
}

// readiness says of a live object of a kind what it lacks; empty is nothing.
var readiness = map[string]func(*unstructured.Unstructured) string{
	"Deployment": func(o *unstructured.Unstructured) string {
		want, found := number(o, "spec", "replicas")
		if !found {
			want = 1
		}
		return lacks(o, want, "updatedReplicas", "readyReplicas", "availableReplicas", "replicas")
	},
	"DaemonSet": func(o *unstructured.Unstructured) string {
		want, _ := number(o, "status", "desiredNumberScheduled")
		if want == 0 {
			return "no node is to run it"
		}
		return lacks(o, want, "updatedNumberScheduled", "numberReady", "numberAvailable")
	},
	"HorizontalPodAutoscaler": func(o *unstructured.Unstructured) string {
		return condition(o, "AbleToScale")
	},
	"PodDisruptionBudget": func(o *unstructured.Unstructured) string {
		if text := observed(o); text != "" {
			return text
		}
		healthy, _ := number(o, "status", "currentHealthy")
		desired, _ := number(o, "status", "desiredHealthy")
		if healthy < desired {
			return fmt.Sprintf("%d of %d pods are healthy", healthy, desired)
		}
		return ""
	},
}

// lacks compares counts of an object's status with what they should be.
func lacks(o *unstructured.Unstructured, want int64, counts ...string) string {
	if text := observed(o); text != "" {
		return text
	}
	for _, name := range counts {
		if got, _ := number(o, "status", name); got != want {
			return fmt.Sprintf("%s is %d, want %d", name, got, want)
		}
	}
	return ""
}

// observed says whether the controller has seen the newest generation.
func observed(o *unstructured.Unstructured) string {
	if seen, _ := number(o, "status", "observedGeneration"); seen != o.GetGeneration() {
		return fmt.Sprintf("its controller has seen generation %d of %d", seen, o.GetGeneration())
	}
	return ""
}

func condition(o *unstructured.Unstructured, name string) string {
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == name {
			if c["status"] == "True" {
				return ""
			}
			return fmt.Sprintf("%s is %v: %v", name, c["status"], c["message"])
		}
	}
	return "no condition " + name
}

func number(o *unstructured.Unstructured, path ...string) (int64, bool) {
	value, found, err := unstructured.NestedInt64(o.Object, path...)
	return value, found && err == nil
}
