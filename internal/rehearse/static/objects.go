package static

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	openapi "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
)

// kinds are the CRDs of one version of Istio, by "kind.group".
type kinds map[string]*apiextensionsv1.CustomResourceDefinition

func (r *rehearsal) kinds(ctx context.Context, paths map[string]string) (kinds, error) {
	manifest, err := charts.Render(ctx, charts.Release{Name: "istio-base", Namespace: "istio-system", Chart: paths["base"]}, r.Kubernetes)
	if err != nil {
		return nil, err
	}
	found := kinds{}
	for document := range strings.SplitSeq(manifest, "\n---") {
		if !strings.Contains(document, "kind: CustomResourceDefinition") {
			continue
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(document), &crd); err != nil {
			return nil, fmt.Errorf("read the CRDs of chart base: %w", err)
		}
		found[crd.Spec.Names.Kind+"."+crd.Spec.Group] = &crd
	}
	return found, nil
}

// opinion is what the CRDs of one version say of an object.
type opinion struct {
	// served says that the kind is there at the object's version.
	served, known bool
	// deprecated is the CRD's warning, where the version has one.
	deprecated string
	// dropped are fields that the API server removes, refused are errors.
	dropped []string
	refused []refusedField
}

func (k kinds) judge(o *capture.Object) (opinion, error) {
	crd := k[o.Kind()+"."+o.Group()]
	if crd == nil {
		return opinion{}, nil
	}
	found := opinion{known: true}
	i := slices.IndexFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == o.Version() && v.Served })
	if i < 0 {
		return found, nil
	}
	found.served = true
	version := crd.Spec.Versions[i]
	if version.Deprecated {
		found.deprecated = "version " + version.Name + " is deprecated"
		if version.DeprecationWarning != nil {
			found.deprecated = *version.DeprecationWarning
		}
	}
	if version.Schema == nil || version.Schema.OpenAPIV3Schema == nil {
		return found, nil
	}
	schema := version.Schema.OpenAPIV3Schema
	content, err := json.Marshal(schema)
	if err != nil {
		return found, fmt.Errorf("schema of CRD %s: %w", crd.Name, err)
	}
	var shape spec.Schema
	if err := json.Unmarshal(content, &shape); err != nil {
		return found, fmt.Errorf("schema of CRD %s: %w", crd.Name, err)
	}
	found.dropped = unknown(o.Body, schema, "")
	for _, err := range validate.NewSchemaValidator(&shape, nil, "", strfmt.Default).Validate(o.Body).Errors {
		found.refused = append(found.refused, refusal(err))
	}
	return found, nil
}

// refusedField is what a schema says of a field.
type refusedField struct{ field, why string }

func refusal(err error) refusedField {
	var at *openapi.Validation
	if errors.As(err, &at) {
		return refusedField{strings.TrimPrefix(at.Name, "."), oneLine(err)}
	}
	return refusedField{"", oneLine(err)}
}

// unknown are the paths of fields that a schema does not have. The API server removes
// them, except at the top, where it keeps apiVersion, kind and metadata.
func unknown(value any, schema *apiextensionsv1.JSONSchemaProps, path string) []string {
	if schema == nil || ptr.Deref(schema.XPreserveUnknownFields, false) {
		return nil
	}
	var found []string
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if path == "" && slices.Contains([]string{"apiVersion", "kind", "metadata"}, key) {
				continue
			}
			below := strings.TrimPrefix(path+"."+key, ".")
			property, known := schema.Properties[key]
			switch {
			case known:
				found = append(found, unknown(v[key], &property, below)...)
			case schema.AdditionalProperties != nil:
				found = append(found, unknown(v[key], schema.AdditionalProperties.Schema, below)...)
			default:
				found = append(found, below)
			}
		}
	case []any:
		if schema.Items != nil {
			for i, item := range v {
				found = append(found, unknown(item, schema.Items.Schema, fmt.Sprintf("%s[%d]", path, i))...)
			}
		}
	}
	return found
}

// judgeObjects holds each object of Istio against the CRDs of both versions.
func (r *rehearsal) judgeObjects(ctx context.Context) error {
	before, err := r.kinds(ctx, r.FromCharts)
	if err != nil {
		return err
	}
	after, err := r.kinds(ctx, r.ToCharts)
	if err != nil {
		return err
	}
	asked := 0
	for _, o := range r.Mesh.Objects {
		if !strings.HasSuffix(o.Group(), "istio.io") {
			continue
		}
		asked++
		was, err := before.judge(o)
		if err != nil {
			return err
		}
		is, err := after.judge(o)
		if err != nil {
			return err
		}
		r.compareOpinions(o, was, is)
	}
	r.looked("%d objects of Istio, by the schemas of the CRDs of both versions", asked)
	return nil
}

func (r *rehearsal) compareOpinions(o *capture.Object, was, is opinion) {
	switch {
	case !is.known && o.Kind() == "IstioOperator":
		r.add(at(finding.Finding{Level: finding.Look, Rule: "operator", Why: "no operator reads this since Istio 1.24, only istioctl install does; its values are not rehearsed",
			Link: "https://istio.io/latest/blog/2024/in-cluster-operator-deprecation-announcement/"}, o, o.Place))
		return
	case !is.known:
		r.add(at(finding.Finding{Level: finding.Breaks, Rule: "kind-gone", Why: fmt.Sprintf("Istio %s has no CRD for %s", r.To, o.APIVersion())}, o, o.Place, "kind"))
		return
	case !is.served:
		level, why := finding.Breaks, fmt.Sprintf("Istio %s does not serve %s", r.To, o.APIVersion())
		if was.known && !was.served {
			level, why = finding.Look, why+"; neither does "+r.From.String()
		}
		r.add(at(finding.Finding{Level: level, Rule: "version-gone", Why: why}, o, o.Place, "apiVersion"))
		return
	case is.deprecated != "":
		r.add(at(finding.Finding{Level: finding.Note, Rule: "version-deprecated", Why: is.deprecated}, o, o.Place, "apiVersion"))
	}
	for _, path := range is.dropped {
		f := finding.Finding{Level: finding.Look, Rule: "field-dropped", Why: "neither version knows this field: the API server drops it"}
		if was.served && !slices.Contains(was.dropped, path) {
			f.Level, f.Why = finding.Breaks, fmt.Sprintf("Istio %s knows this field, %s does not: the API server drops it", r.From, r.To)
		}
		f.Field = path
		r.add(at(f, o, o.Place, keys(path)...))
	}
	for _, refused := range is.refused {
		f := finding.Finding{Level: finding.Look, Rule: "schema-refuses", Field: refused.field, Why: "the schemas of both versions refuse it: " + refused.why}
		if was.served && !slices.Contains(was.refused, refused) {
			f.Level, f.Why = finding.Breaks, fmt.Sprintf("the schema of Istio %s refuses it, that of %s does not: %s", r.To, r.From, refused.why)
		}
		r.add(at(f, o, o.Place, keys(refused.field)...))
	}
}

// keys splits a path such as spec.http[0].match.
func keys(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) })
}

// judgeStored compares the versions that etcd has stored with those of the new CRDs.
func (r *rehearsal) judgeStored(ctx context.Context) error {
	after, err := r.kinds(ctx, r.ToCharts)
	if err != nil {
		return err
	}
	asked := 0
	for _, o := range r.Mesh.Of("CustomResourceDefinition") {
		kind, _ := o.Fields("spec", "names", "kind").(string)
		group, _ := o.Fields("spec", "group").(string)
		crd := after[kind+"."+group]
		stored, _ := o.Fields("status", "storedVersions").([]any)
		if crd == nil || len(stored) == 0 {
			continue
		}
		asked++
		for _, version := range stored {
			if !slices.ContainsFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == version }) {
				r.add(at(finding.Finding{
					Level: finding.Breaks, Rule: "stored-version",
					Why: fmt.Sprintf("etcd has stored objects at %v, which the CRD of Istio %s does not have: the API server refuses the new CRD until they are written again and status.storedVersions is cleaned", version, r.To),
				}, o, o.Place, "status", "storedVersions"))
			}
		}
	}
	r.looked("the stored versions of %d CRDs", asked)
	return nil
}
