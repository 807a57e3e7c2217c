package static

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"google.golang.org/protobuf/encoding/protojson"
	meshconfig "istio.io/api/mesh/v1alpha1"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
)

// bundles are the oldest bundles of the Gateway API's CRDs that istiod takes notice of,
// from Istio 1.30 on. Source: istio.io/istio/pkg/config/schema/gatewayapi.
var bundles = map[string]string{
	"grpcroutes.gateway.networking.k8s.io": "v1.1.0", "backendtlspolicies.gateway.networking.k8s.io": "v1.4.0",
	"tlsroutes.gateway.networking.k8s.io": "v1.5.0", "tcproutes.gateway.networking.k8s.io": "v1.6.0",
}

// built are the versions of the Gateway API that istiod is built with, by its minor.
// Source: go.mod of branches release-1.30 and release-1.31 of istio.io/istio.
var built = map[int]string{30: "v1.5.1", 31: "v1.6.0"}

// judgeBundles compares the CRDs of the Gateway API with what istiod reads.
func (r *rehearsal) judgeBundles(context.Context) error {
	asked := 0
	for _, o := range r.Mesh.Of("CustomResourceDefinition") {
		bundle, _ := dig(o.Fields("metadata", "annotations"), "gateway.networking.k8s.io/bundle-version").(string)
		have, err := semver.NewVersion(bundle)
		if err != nil {
			continue // no CRD of the Gateway API
		}
		asked++
		f := finding.Finding{Rule: "gateway-api-crds", Field: "gateway.networking.k8s.io/bundle-version"}
		if least := bundles[o.Name()]; least != "" && r.To.Minor >= 30 && have.LessThan(semver.MustParse(least)) {
			f.Level, f.Why = finding.Breaks, fmt.Sprintf("istiod %s takes notice of this kind from bundle %s on, this is %s: its routes are not programmed", r.To, least, bundle)
			if r.From.Minor >= 30 {
				f.Level, f.Why = finding.Look, f.Why+"; the same holds for "+r.From.String()
			}
			r.add(at(f, o, o.Place, "metadata", "annotations", f.Field))
			continue
		}
		if with := built[r.To.Minor]; with != "" && have.LessThan(semver.MustParse(with)) {
			f.Level, f.Why = finding.Note, fmt.Sprintf("the CRD is of bundle %s, istiod %s is built with %s: newer fields cannot be used yet", bundle, r.To, with)
			r.add(at(f, o, o.Place, "metadata", "annotations", f.Field))
		}
	}
	r.looked("the bundles of %d CRDs of the Gateway API", asked)
	return nil
}

// meshAPI is the minor of Istio whose MeshConfig is compiled in: istio.io/api of go.mod.
const meshAPI = 31

// judgeMeshConfig names fields of the mesh's configuration that istiod does not know.
func (r *rehearsal) judgeMeshConfig(context.Context) error {
	if r.To.Minor != meshAPI {
		r.report.NotLooked = append(r.report.NotLooked, fmt.Sprintf("fields of meshConfig: those of Istio 1.%d are known here, not those of %s", meshAPI, r.To))
		return nil
	}
	for _, release := range r.Mesh.Releases {
		if config, ok := release.Values["meshConfig"].(map[string]any); ok {
			r.judgeMesh(config, release, release.Place, "values", "meshConfig")
		}
	}
	for _, o := range r.Mesh.Of("ConfigMap") {
		written, _ := o.Fields("data", "mesh").(string)
		var config map[string]any
		if err := yaml.Unmarshal([]byte(written), &config); err != nil {
			r.add(at(finding.Finding{Level: finding.Breaks, Rule: "mesh-config", Why: "this is no YAML: " + oneLine(err)}, o, o.Place, "data", "mesh"))
			continue
		}
		r.judgeMesh(config, o, o.Place, "data", "mesh")
	}
	r.looked("the fields of meshConfig")
	return nil
}

func (r *rehearsal) judgeMesh(config map[string]any, object fmt.Stringer, place capture.Place, path ...string) {
	content, err := json.Marshal(config)
	if err != nil {
		return // it was read from YAML
	}
	if err := protojson.Unmarshal(content, &meshconfig.MeshConfig{}); err != nil {
		// The parser puts a different kind of space into its messages now and then.
		why := strings.ReplaceAll(oneLine(err), "\u00a0", " ")
		r.add(at(finding.Finding{Level: finding.Look, Rule: "mesh-config", Why: fmt.Sprintf("istiod %s does not take this field as it is: %s", r.To, strings.TrimPrefix(why, "proto: "))}, object, place, path...))
	}
}
