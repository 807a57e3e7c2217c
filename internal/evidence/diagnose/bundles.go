package diagnose

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// bundleMinimum are the oldest bundles of the Gateway API's CRDs that istiod takes
// notice of, from Istio 1.30 on. Source: istio.io/istio/pkg/config/schema/gatewayapi.
var bundleMinimum = map[string]string{
	"grpcroutes": "v1.1.0", "backendtlspolicies": "v1.4.0", "tlsroutes": "v1.5.0", "tcproutes": "v1.6.0",
}

// bundleKey is the annotation of a Gateway API CRD that names its bundle.
const bundleKey = "gateway.networking.k8s.io/bundle-version"

// observeBundles makes a record of each CRD of the Gateway API that has a minimum.
func (w *world) observeBundles() {
	for i := range w.crds {
		crd := &w.crds[i]
		plural, group, _ := strings.Cut(crd.Name, ".")
		want, bounded := bundleMinimum[plural]
		if !bounded || group != "gateway.networking.k8s.io" {
			continue
		}
		bundle := crd.Annotations[bundleKey]
		w.add("crd", "cluster/customresourcedefinitions.yaml", fmt.Sprintf("CRD %s: bundle %q, istiod takes %s and later", crd.Name, bundle, want),
			"crd", crd.Name, "bundle", cmp.Or(bundle, "none"), "wants", want, "old", yes(w.needsBundles() && older(bundle, want)))
	}
}

// older says whether a bundle's version is below the one that is wanted, or not known.
func older(bundle, want string) bool {
	have, err := semver.NewVersion(bundle)
	return err != nil || have.LessThan(semver.MustParse(want))
}

// needsBundles says whether an istiod of Istio 1.30 or later runs, by its image's tag.
func (w *world) needsBundles() bool {
	for i := range w.pods {
		if role(&w.pods[i]) != "istiod" {
			continue
		}
		for _, c := range w.pods[i].Spec.Containers {
			tag := c.Image[strings.LastIndex(c.Image, ":")+1:]
			if v, err := semver.NewVersion(tag); err == nil && v.Major() == 1 && v.Minor() >= 30 {
				return true
			}
		}
	}
	return false
}
