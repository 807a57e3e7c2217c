package installation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// deployed is what Helm calls a release that is as it should be.
const deployed = "deployed"

// verifyObjects looks for every object of every release that is installed.
func (m *Mesh) verifyObjects(ctx context.Context, want Versions) (string, error) {
	releases, err := m.Stack.Helm.List(ctx, "")
	if err != nil {
		return "", err
	}
	n := 0
	for _, r := range releases {
		if status := string(r.Info.Status); status != deployed {
			return "", fmt.Errorf("release %s/%s is %s, want %s: %s", r.Namespace, r.Name, status, deployed, r.Info.Description)
		}
		objects, err := kube.Decode(strings.NewReader(r.Manifest))
		if err != nil {
			return "", fmt.Errorf("manifest of release %s/%s: %w", r.Namespace, r.Name, err)
		}
		for _, o := range objects {
			if err := m.present(ctx, r.Namespace, o); err != nil {
				return "", fmt.Errorf("release %s/%s: %w", r.Namespace, r.Name, err)
			}
		}
		n += len(objects)
		if r.Name == baseRelease && r.Chart.Metadata.Version != want.Base {
			return "", fmt.Errorf("release %s/%s is of chart version %s, want %s", r.Namespace, r.Name, r.Chart.Metadata.Version, want.Base)
		}
	}
	return fmt.Sprintf("%d in %d releases", n, len(releases)), nil
}

// present returns an error for an object that is not there, or on its way out.
func (m *Mesh) present(ctx context.Context, namespace string, o *unstructured.Unstructured) error {
	got := &unstructured.Unstructured{}
	got.SetGroupVersionKind(o.GroupVersionKind())
	key := client.ObjectKey{Namespace: o.GetNamespace(), Name: o.GetName()}
	err := m.Stack.Client.Get(ctx, key, got)
	if apierrors.IsNotFound(err) && key.Namespace == "" {
		key.Namespace = namespace // the release's own
		err = m.Stack.Client.Get(ctx, key, got)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", kube.Name(o), err)
	}
	if got.GetDeletionTimestamp() != nil {
		return fmt.Errorf("%s is being deleted", kube.Name(o))
	}
	return nil
}

// verifyCRDs compares the cluster's CRDs with those of the chart base that is
// installed. What is stored must be served, or it could not be read any more.
func (m *Mesh) verifyCRDs(ctx context.Context, want Versions) (string, error) {
	expected, err := m.expectedCRDs(ctx)
	if err != nil {
		return "", err
	}
	for _, crd := range expected {
		got, err := m.Stack.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, crd.Name, metav1.GetOptions{})
		if err != nil {
			return "", fmt.Errorf("CRD %s: %w", crd.Name, err)
		}
		if err := judgeCRD(&crd, got); err != nil {
			return "", err
		}
	}
	// The chart could have lost what users rely on.
	noted, err := istio.NotedCRDs(want.Base)
	if err != nil {
		return "", err
	}
	// The CRDs themselves say it at once; what the API server tells of its kinds is
	// older by seconds, and a version that has just gone would still be in it.
	have, err := m.Stack.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", fmt.Errorf("list CRDs: %w", err)
	}
	for _, n := range noted {
		if !serves(have.Items, n) {
			return "", fmt.Errorf("CRD of the noted kinds: %s is not served at %s/%s", n.Kind, n.Group, n.Version)
		}
	}
	return fmt.Sprintf("%d, and %d noted kinds and versions", len(expected), len(noted)), nil
}

// serves says whether a CRD serves the kind at that version.
func serves(crds []apiextensionsv1.CustomResourceDefinition, n istio.NotedCRD) bool {
	return slices.ContainsFunc(crds, func(c apiextensionsv1.CustomResourceDefinition) bool {
		return c.Spec.Group == n.Group && c.Spec.Names.Kind == n.Kind &&
			slices.ContainsFunc(c.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == n.Version && v.Served })
	})
}

// expectedCRDs are those of the release base as Helm has it.
func (m *Mesh) expectedCRDs(ctx context.Context) ([]istio.CRD, error) {
	release, err := m.Stack.Helm.Get(ctx, stack.SystemNamespace, baseRelease)
	if err != nil {
		return nil, err
	}
	manifests := []string{release.Manifest}
	for _, crd := range release.Chart.CRDObjects() {
		// Charts before 1.24 have them in crds/, which Helm does not render.
		manifests = append(manifests, string(crd.File.Data))
	}
	found, err := istio.ExpectedCRDs(strings.Join(manifests, "\n---\n"))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("release %s/%s brings no CRD", stack.SystemNamespace, baseRelease)
	}
	return found, err
}

// judgeCRD says what is wrong with a CRD.
func judgeCRD(want *istio.CRD, got *apiextensionsv1.CustomResourceDefinition) error {
	established := slices.ContainsFunc(got.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
	})
	if !established {
		return fmt.Errorf("CRD %s is not Established", got.Name)
	}
	served := map[string]bool{}
	for _, v := range got.Spec.Versions {
		served[v.Name] = v.Served
	}
	for _, v := range want.Versions {
		has, there := served[v.Name]
		switch {
		case !there:
			return fmt.Errorf("CRD %s has no version %s, which its chart has", got.Name, v.Name)
		case has != v.Served:
			return fmt.Errorf("CRD %s version %s: served %t, its chart says %t", got.Name, v.Name, has, v.Served)
		}
	}
	for _, stored := range got.Status.StoredVersions {
		if !served[stored] {
			return fmt.Errorf("CRD %s has resources stored at %s, which is not served: they could not be read", got.Name, stored)
		}
	}
	return nil
}
