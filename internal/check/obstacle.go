package check

import (
	"context"
	"errors"
	"net/url"
	"reflect"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"istio-conformance/internal/report"
)

// isObstacle says whether an error kept a check from seeing what it is about: the API
// server did not answer, or does not let the check ask, or the way to a pod was not open
// (cluster.UnaskedError). No cause which the check named before follows from that.
func isObstacle(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return false // the check's own time was over
	}
	if apierrors.HasStatusCause(err, policyv1.DisruptionBudgetCause) {
		return false // an eviction's own answer, by the status of a busy API server
	}
	// Of what a check uses only clients of the API server return this type:
	// a probe does not.
	var unreached *url.Error
	var unasked interface{ Unasked() }
	return errors.As(err, &unreached) || errors.As(err, &unasked) || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServerTimeout(err) || apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err)
}

// note keeps the error that the assertion at hand is about, or nil.
func (t *T) note(actual any) {
	err, _ := actual.(error)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.met = err
}

var errorInterface = reflect.TypeFor[error]()

// noted returns a function that Eventually asks again and again as one that also notes
// the error of each look. Anything else is returned as it is.
func (t *T) noted(actual any) any {
	v := reflect.ValueOf(actual)
	if v.Kind() != reflect.Func || v.IsNil() || v.Type().IsVariadic() || v.Type().NumOut() == 0 || v.Type().Out(v.Type().NumOut()-1) != errorInterface {
		return actual
	}
	return reflect.MakeFunc(v.Type(), func(in []reflect.Value) []reflect.Value {
		out := v.Call(in)
		t.note(out[len(out)-1].Interface())
		return out
	}).Interface()
}

// own is what the check itself says of the failure's cause; empty where it says nothing.
func (t *T) own() report.Diagnosis {
	switch {
	case t.obstacle != nil:
		return report.Diagnosis{
			Cause: "the check could not look at what it is about: " + t.obstacle.Error(),
			Fix:   "see that the API server and the pod in the message answer, and that the check may do this: istio-conformance rbac lists the rights",
			Link:  "https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
		}
	case t.diagnosis != nil:
		return *t.diagnosis
	}
	return report.Diagnosis{}
}

// both joins what a check saw and what the catalogue found in the evidence. A check
// says what does not hold, the catalogue what is wrong in the cluster: neither takes
// the other's place.
func both(own, found report.Diagnosis) report.Diagnosis {
	joined := found
	switch {
	case own.Cause == "":
	case found.Cause == "":
		joined.Cause, joined.Fix, joined.Link = own.Cause, own.Fix, own.Link
	default:
		joined.Cause = own.Cause + "; the evidence shows: " + found.Cause
		if own.Fix != "" {
			joined.Fix += "; else " + own.Fix
		}
	}
	return joined
}
