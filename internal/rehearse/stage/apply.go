package stage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/images/gatewaycrds"
	"istio-conformance/internal/mesh/kube"
)

// owner is the field manager of what the stage writes.
const owner = client.FieldOwner("istio-conformance-rehearsal")

// parallel is how many objects are written at once where their order does not matter.
const parallel = 16

// establishTime is how long the API server may take to serve new CRDs.
const establishTime = time.Minute

// Refusal is an object that the API server does not take.
type Refusal struct {
	Object *unstructured.Unstructured
	Why    string
}

// ApplyCRDs writes CRDs and waits until they are served.
func ApplyCRDs(ctx context.Context, config *rest.Config, crds []*unstructured.Unstructured) error {
	c, err := client.New(config, client.Options{})
	if err != nil {
		return err
	}
	// Copies: what is applied takes the UID of this API server, and another would refuse it.
	var written []*unstructured.Unstructured
	for _, crd := range crds {
		written = append(written, crd.DeepCopy())
	}
	if err := kube.Apply(ctx, c, "", written); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, establishTime)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		left, err := gatewaycrds.NotEstablished(ctx, c, crds)
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("the API server does not serve %s after %s", strings.Join(left, ", "), establishTime)
		}
	}
}

// Apply writes the stage. What the API server refuses of the configuration is returned;
// that it refuses anything else is an error.
func (s *Stage) Apply(ctx context.Context, config *rest.Config) ([]Refusal, error) {
	config = rest.CopyConfig(config)
	config.WarningHandler = rest.NoWarnings{} // they are about the user's own objects, and no news
	c, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	for _, objects := range [][]*unstructured.Unstructured{s.First, s.Services, s.Pods, s.Endpoints} {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for _, object := range objects {
			group.Go(func() error { return write(ctx, c, object) })
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	var refused []Refusal
	var second []*unstructured.Unstructured
	began := time.Time{}
	for _, object := range s.Configuration {
		now := time.Now().Truncate(time.Second)
		if now.After(began) {
			began, second = now, nil
		}
		// Two of one second would be ordered by their names, and not by their age.
		if slices.ContainsFunc(second, func(earlier *unstructured.Unstructured) bool { return misordered(earlier, object) }) {
			if err := until(ctx, began.Add(time.Second)); err != nil {
				return nil, err
			}
			began, second = time.Now().Truncate(time.Second), nil
		}
		second = append(second, object)
		err := write(ctx, c, object)
		var status apierrors.APIStatus
		switch {
		case errors.As(err, &status) && status.Status().Code >= 400 && status.Status().Code < 500:
			refused = append(refused, Refusal{object, strings.Join(strings.Fields(err.Error()), " ")})
		case err != nil:
			return nil, err
		}
	}
	return refused, nil
}

// Again asks the API server whether it would take the configuration now, without
// changing anything.
func (s *Stage) Again(ctx context.Context, config *rest.Config) ([]Refusal, error) {
	c, err := client.New(config, client.Options{})
	if err != nil {
		return nil, err
	}
	var refused []Refusal
	for _, object := range s.Configuration {
		asked := object.DeepCopy()
		err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(asked), owner, client.ForceOwnership, client.DryRunAll)
		var status apierrors.APIStatus
		switch {
		case errors.As(err, &status):
			refused = append(refused, Refusal{object, strings.Join(strings.Fields(err.Error()), " ")})
		case err != nil:
			return nil, err
		}
	}
	return refused, nil
}

// write creates or changes an object, and its status where it has one.
func write(ctx context.Context, c client.Client, object *unstructured.Unstructured) error {
	status, hasStatus := object.Object["status"]
	sent := object.DeepCopy()
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(sent), owner, client.ForceOwnership); err != nil {
		return fmt.Errorf("write %s: %w", kube.Name(object), err)
	}
	if !hasStatus || object.GetKind() != "Pod" {
		return nil
	}
	sent.Object["status"] = status
	if err := c.Status().Update(ctx, sent); err != nil {
		return fmt.Errorf("write the status of %s: %w", kube.Name(object), err)
	}
	return nil
}

// misordered says whether two objects that decide about the same would be taken in
// another order than that in which they are written, if they were of the same age.
func misordered(earlier, later *unstructured.Unstructured) bool {
	if earlier.GroupVersionKind().GroupKind() != later.GroupVersionKind().GroupKind() {
		return false
	}
	key := func(u *unstructured.Unstructured) string { return u.GetName() + "\x00" + u.GetNamespace() }
	if key(earlier) < key(later) {
		return false
	}
	hosts := hostsOf(later)
	if len(hosts) == 0 {
		return earlier.GetNamespace() == later.GetNamespace()
	}
	return slices.ContainsFunc(hostsOf(earlier), func(host string) bool { return slices.Contains(hosts, host) })
}

// hostsOf are the hosts that an object is for.
func hostsOf(u *unstructured.Unstructured) []string {
	hosts, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "hosts")
	if host, found, _ := unstructured.NestedString(u.Object, "spec", "host"); found {
		hosts = append(hosts, host)
	}
	return hosts
}

// until waits for a time on the clock by which the API server dates objects.
func until(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
