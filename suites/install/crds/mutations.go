package crds

import (
	"context"
	"slices"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "crd-version-not-served", Promise: "a CRD that stopped serving a version of its chart and of the notes is noticed",
			Break: notServed("telemetries.telemetry.istio.io", "v1alpha1"), Plays: "install:crds",
			Fails: map[string]string{
				"install/crds": "telemetries.telemetry.istio.io", "install/noted-crds": "a kind that users' resources depend on is not served",
				"install/samples-accepted": "does not serve Telemetry at telemetry.istio.io/v1alpha1", "install/samples-refused": "does not serve Telemetry at telemetry.istio.io/v1alpha1",
			},
		},
		{
			Name: "crd-name-taken", Promise: "a CRD whose short name another one has taken is noticed",
			Break: takeShortName, Plays: "install:crds",
			Fails: map[string]string{"install/crds-established": "another CRD has one of the names", "install/crds": "names of CRD proxyconfigs"},
		},
		{
			Name: "crd-old-version-stored", Promise: "a version that objects may still be stored in is noticed",
			Break: changeCRD("proxyconfigs.networking.istio.io", true, func(crd *apiextensionsv1.CustomResourceDefinition) func(*apiextensionsv1.CustomResourceDefinition) {
				old := slices.Clone(crd.Status.StoredVersions)
				crd.Status.StoredVersions = append(crd.Status.StoredVersions, "v1alpha1")
				crd.Spec.Versions = append(crd.Spec.Versions, oldVersion(crd.Spec.Versions[0]))
				return func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Status.StoredVersions = old }
			}),
			Plays: "install:crds",
			Fails: map[string]string{"install/crds-stored": "objects may still be stored in a version", "install/crds": "versions of CRD proxyconfigs"},
		},
		{
			Name: "crd-not-owned", Promise: "a CRD that Helm does not own is noticed",
			Break: changeCRD("sidecars.networking.istio.io", false, func(crd *apiextensionsv1.CustomResourceDefinition) func(*apiextensionsv1.CustomResourceDefinition) {
				old := crd.Annotations[releaseName]
				delete(crd.Annotations, releaseName)
				return func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Annotations[releaseName] = old }
			}),
			Plays: "install:crds", Fails: map[string]string{"install/crds-owned": "Helm does not own a CRD"},
		},
		{
			Name: "crd-schema-loosened", Promise: "a schema that no longer refuses what it should is noticed",
			Break: changeCRD("peerauthentications.security.istio.io", false, func(crd *apiextensionsv1.CustomResourceDefinition) func(*apiextensionsv1.CustomResourceDefinition) {
				old := crd.DeepCopy().Spec.Versions
				for i := range crd.Spec.Versions {
					keep := true
					crd.Spec.Versions[i].Schema.OpenAPIV3Schema.Properties["spec"] = apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &keep}
				}
				return func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Spec.Versions = old }
			}),
			Plays: "install:crds", Fails: map[string]string{"install/samples-refused": "the schema of CRD PeerAuthentication does not refuse"},
		},
		{
			Name: "crd-schema-of-another-version", Promise: "a schema that refuses what is valid is noticed",
			Break: changeCRD("virtualservices.networking.istio.io", false, func(crd *apiextensionsv1.CustomResourceDefinition) func(*apiextensionsv1.CustomResourceDefinition) {
				old := crd.DeepCopy().Spec.Versions
				for i := range crd.Spec.Versions {
					spec := crd.Spec.Versions[i].Schema.OpenAPIV3Schema.Properties["spec"]
					spec.Required = append(spec.Required, "noSuchField")
					crd.Spec.Versions[i].Schema.OpenAPIV3Schema.Properties["spec"] = spec
				}
				return func(crd *apiextensionsv1.CustomResourceDefinition) { crd.Spec.Versions = old }
			}),
			Plays: "install/samples-accepted", Fails: map[string]string{"install/samples-accepted": "spec.noSuchField"},
		},
	}
}

// edit changes a CRD and returns how to take that back.
type edit func(*apiextensionsv1.CustomResourceDefinition) func(*apiextensionsv1.CustomResourceDefinition)

// changeCRD returns a break that edits a CRD, its status too where that is asked for.
func changeCRD(name string, status bool, change edit) func(context.Context, *check.T, *stack.Stack) {
	return func(ctx context.Context, t *check.T, s *stack.Stack) {
		crds := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions()
		before, err := crds.Get(ctx, name, metav1.GetOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred())
		changed := before.DeepCopy()
		takeBack := change(changed)
		mutation.Mend(ctx, t, func(ctx context.Context) {
			now, err := crds.Get(ctx, name, metav1.GetOptions{})
			t.Expect(err).NotTo(gomega.HaveOccurred())
			takeBack(now)
			if status {
				now, err = crds.UpdateStatus(ctx, now, metav1.UpdateOptions{})
				t.Expect(err).NotTo(gomega.HaveOccurred(), "give the status of CRD %s back", name)
				now.Spec = before.Spec
			}
			_, err = crds.Update(ctx, now, metav1.UpdateOptions{})
			t.Expect(err).NotTo(gomega.HaveOccurred(), "give CRD %s back", name)
		})
		stored := changed.Status.StoredVersions
		updated, err := crds.Update(ctx, changed, metav1.UpdateOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred(), "change CRD %s", name)
		if status {
			updated.Status.StoredVersions = stored
			_, err = crds.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
			t.Expect(err).NotTo(gomega.HaveOccurred(), "change the status of CRD %s", name)
		}
	}
}

// oldVersion is a copy of a version as an older release could have had it.
func oldVersion(v apiextensionsv1.CustomResourceDefinitionVersion) apiextensionsv1.CustomResourceDefinitionVersion {
	old := *v.DeepCopy()
	old.Name, old.Storage, old.Served = "v1alpha1", false, true
	return old
}
