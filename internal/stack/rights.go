package stack

import (
	"context"
	"fmt"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// askTimeout bounds the question whether something may be done.
const askTimeout = 10 * time.Second

// WhyNoScratch says why a check cannot have a namespace of the run's own; empty when
// it can.
func (s *Stack) WhyNoScratch() string {
	if why := s.WhyNotAllowed("create", "", "namespaces"); why != "" || !s.Existing() || s.Cluster == nil {
		return why
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	if err := s.tryNamespace(ctx); err != nil {
		return s.Refused(err.Error()) // Other errors the check finds out.
	}
	return ""
}

// WhyNotAllowed says why a check that needs a right cannot be made in an existing
// cluster; empty when it can, and where the answer is not known: then the check
// finds out. In a cluster of the harness's own everything is allowed.
func (s *Stack) WhyNotAllowed(verb, group, resource string) string {
	if !s.Existing() || s.Cluster == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
	defer cancel()
	review, err := s.Cluster.Kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource},
		},
	}, metav1.CreateOptions{})
	if err != nil || review.Status.Allowed {
		return ""
	}
	if group != "" {
		resource += "." + group
	}
	return fmt.Sprintf("the account may not %s %s, which istio-conformance rbac --write would allow", verb, resource)
}
