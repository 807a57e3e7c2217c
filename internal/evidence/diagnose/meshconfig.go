package diagnose

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	meshconfig "istio.io/api/mesh/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// meshConfig is the mesh configuration of one revision of istiod.
type meshConfig struct {
	// name is the ConfigMap's, "istio" or "istio-<revision>".
	name, file string
	// values are nil where the text is no YAML.
	values map[string]any
	// why says what istiod refuses; "" where it takes all.
	why string
}

// loadMeshConfigs reads the ConfigMaps that istiod takes its mesh configuration from.
// Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/
func (w *world) loadMeshConfigs() {
	for i := range w.configmaps {
		cm := &w.configmaps[i]
		content, is := cm.Data["mesh"]
		if !is || cm.Name != "istio" && !strings.HasPrefix(cm.Name, "istio-") {
			continue
		}
		c := meshConfig{name: id(cm.Namespace, cm.Name), file: fileOf(cm.Namespace, "configmaps")}
		if err := yaml.Unmarshal([]byte(content), &c.values); err != nil {
			c.why = oneLine(err.Error())
		} else if err := accepted(c.values); err != nil {
			c.why = oneLine(strings.ReplaceAll(err.Error(), "\u00a0", " "))
			if field := refusedField(c.values); field != "" {
				c.why = "field " + field + " is refused: " + c.why
			}
		}
		w.meshes = append(w.meshes, c)
	}
}

// accepted says whether istiod takes a mesh configuration. As istiod does it, unknown
// fields are ignored (pkg/config/mesh, ApplyMeshConfig).
func accepted(values map[string]any) error {
	content, err := json.Marshal(values)
	if err != nil {
		return err
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(content, &meshconfig.MeshConfig{})
}

// refusedField returns the path of a field that alone is refused; "" where none is.
func refusedField(values map[string]any) string {
	var names []string
	for here := values; ; {
		found := false
		for _, name := range slices.Sorted(maps.Keys(here)) {
			alone := map[string]any{name: here[name]}
			for _, outer := range slices.Backward(names) {
				alone = map[string]any{outer: alone}
			}
			if accepted(alone) == nil {
				continue
			}
			names, found = append(names, name), true
			here, _ = here[name].(map[string]any)
			break
		}
		if !found || here == nil {
			return strings.Join(names, ".")
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// observeMeshConfigs makes a record of each mesh configuration, and of each provider
// that a Telemetry resource names.
func (w *world) observeMeshConfigs() {
	for _, c := range w.meshes {
		state := ok
		if c.why != "" {
			state = "refused"
		}
		w.add("meshconfig", c.file, fmt.Sprintf("ConfigMap %s, mesh: %s %s", c.name, state, c.why),
			"object", c.name, "state", state, "why", c.why, "outbound", str(c.values, "outboundTrafficPolicy", "mode"))
	}
	for _, t := range w.others["telemetries.telemetry.istio.io"] {
		for _, section := range []string{"accessLogging", "metrics", "tracing"} {
			for _, entry := range list(t.Object, "spec", section) {
				for _, p := range list(entry, "providers") {
					w.observeProvider(id(t.GetNamespace(), t.GetName()), t.GetNamespace(), section, str(p, "name"))
				}
			}
		}
	}
}

// builtInProviders need no definition. Source: istio.io/istio/pkg/config/mesh, DefaultMeshConfig.
var builtInProviders = []string{"prometheus", "stackdriver", "envoy"}

func (w *world) observeProvider(telemetry, namespace, section, provider string) {
	state := missing
	for _, c := range w.meshes {
		for _, p := range list(c.values, "extensionProviders") {
			if str(p, "name") == provider {
				state = ok
			}
		}
	}
	if len(w.meshes) == 0 {
		state = unknown
	}
	if slices.Contains(builtInProviders, provider) {
		state = ok
	}
	w.add("telemetry", fileOf(namespace, "telemetries.telemetry.istio.io"), fmt.Sprintf("Telemetry %s: %s by provider %s (%s)", telemetry, section, provider, state),
		"object", telemetry, "ns", namespace, "section", section, "provider", provider, "state", state)
}

// discovered says whether the istiod that a namespace belongs to watches it, by the
// discoverySelectors of its mesh configuration.
// Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-discovery_selectors
func (w *world) discovered(ns *corev1.Namespace) (state, selectors string) {
	want := "istio"
	if rev := ns.Labels["istio.io/rev"]; rev != "" && rev != "default" && ns.Labels["istio-injection"] == "" {
		want += "-" + rev
	}
	state = unknown
	for _, c := range w.meshes {
		if !strings.HasSuffix(c.name, "/"+want) || c.why != "" {
			continue
		}
		chosen := list(c.values, "discoverySelectors")
		if state = yes(len(chosen) == 0); state == "true" {
			return state, ""
		}
		var words []string
		for _, raw := range chosen {
			selector, err := toSelector(raw)
			if err != nil {
				return unknown, ""
			}
			words = append(words, metav1.FormatLabelSelector(selector))
			if selectorMatches(selector, ns.Labels) {
				state = "true"
			}
		}
		selectors = strings.Join(words, " or ")
	}
	return state, selectors
}

func toSelector(raw map[string]any) (*metav1.LabelSelector, error) {
	content, err := yaml.Marshal(raw)
	if err != nil {
		return nil, err
	}
	selector := &metav1.LabelSelector{}
	return selector, yaml.Unmarshal(content, selector)
}
