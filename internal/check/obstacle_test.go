package check

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/onsi/gomega"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	forbidden = apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "one", errors.New("no"))
	unreached = &url.Error{Op: "Get", URL: "https://127.0.0.1:1/api", Err: errors.New("connection refused")}
	budget    = &apierrors.StatusError{ErrStatus: metav1.Status{
		Reason: metav1.StatusReasonTooManyRequests, Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: policyv1.DisruptionBudgetCause}}},
	}}
	invalid = apierrors.NewBadRequest("the webhook denied the request")
)

// unasked is like cluster.UnaskedError.
type unasked struct{}

func (unasked) Error() string { return "the connection was lost" }
func (unasked) Unasked()      {}

func TestWhatKeepsACheckFromLookingIsTheCause(t *testing.T) {
	for name, run := range map[string]func(*T){
		"an assertion":     func(t *T) { t.Expect(fmt.Errorf("list: %w", forbidden)).NotTo(gomega.HaveOccurred()) },
		"the way to a pod": func(t *T) { t.Expect(fmt.Errorf("exec: %w", unasked{})).To(gomega.Succeed()) },
		"success":          func(t *T) { t.Expect(unreached).To(gomega.Succeed()) },
		"a wait":           func(t *T) { t.Eventually(func() (int, error) { return 0, forbidden }).Should(gomega.Equal(1)) },
		"a wait with a context": func(t *T) {
			t.Eventually(t.Context(), func(context.Context) error { return forbidden }).Should(gomega.Succeed())
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			test, _ := explained(t, func(_ context.Context, t *T) {
				t.gomega.SetDefaultEventuallyTimeout(0)
				t.Diagnose("Istio is wrong", "mend Istio", "https://example.com/mine")
				run(t)
			})
			g.Expect(test.Diagnosis.Cause).To(gomega.And(gomega.HavePrefix("the check could not look"), gomega.HaveSuffix("the evidence shows: found")))
			g.Expect(test.Diagnosis.Cause).NotTo(gomega.ContainSubstring("Istio is wrong"))
		})
	}
}

func TestAnErrorThatIsSeenIsNoObstacle(t *testing.T) {
	for name, run := range map[string]func(*T){
		"a refusal":              func(t *T) { t.Expect(invalid).To(gomega.Succeed()) },
		"a refused eviction":     func(t *T) { t.Expect(fmt.Errorf("evict: %w", budget)).To(gomega.Succeed()) },
		"time that is up":        func(t *T) { t.Expect(&url.Error{Err: context.DeadlineExceeded}).To(gomega.Succeed()) },
		"a value after an error": func(t *T) { t.Expect(forbidden).To(gomega.HaveOccurred()); t.Expect(1).To(gomega.Equal(2)) },
		"a look that succeeded in the end": func(t *T) {
			looks := 0
			t.Eventually(func() (int, error) {
				if looks++; looks == 1 {
					return 0, forbidden
				}
				return 1, nil
			}).Should(gomega.Equal(2))
		},
	} {
		t.Run(name, func(t *testing.T) {
			test, _ := explained(t, func(_ context.Context, t *T) {
				t.gomega.SetDefaultEventuallyTimeout(3 * pollInterval)
				t.Diagnose("Istio is wrong", "mend Istio", "https://example.com/mine")
				run(t)
			})
			gomega.NewWithT(t).Expect(test.Diagnosis.Cause).To(gomega.HavePrefix("Istio is wrong"))
		})
	}
}
