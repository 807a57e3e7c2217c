package charts

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/mesh/kube"
)

// Injection is what istiod's injector adds to pods, as a release of chart istiod
// says.
type Injection struct {
	// Proxy is the image of sidecars and gateways, Init that of the containers which
	// redirect a pod's traffic or see to it that it is redirected.
	Proxy, Init string
	// CNI says that no init container redirects the traffic: chart cni's plugin does.
	CNI bool
}

// injectorValues is what of the injector's values its images come from: Values in
// Istio's operator/pkg/apis/values_types.proto.
type injectorValues struct {
	Global struct {
		Hub       string `json:"hub"`
		Tag       any    `json:"tag"` // a number when it looks like one
		Variant   string `json:"variant"`
		Proxy     struct{ Image string }
		ProxyInit struct{ Image string } `json:"proxy_init"`
	}
	Pilot struct{ CNI struct{ Enabled bool } }
}

// InjectionOf reads the injector's configuration from the manifest of a release of
// chart istiod: its values from ConfigMap istio-sidecar-injector, the proxies'
// default from the mesh configuration. It returns nil when the manifest has no
// injector, as those of other charts.
func InjectionOf(manifest string) (*Injection, error) {
	objects, err := kube.Decode(strings.NewReader(manifest))
	if err != nil {
		return nil, err
	}
	var text, mesh string
	for _, o := range objects {
		if o.GetKind() != "ConfigMap" {
			continue
		}
		data, _, err := unstructured.NestedStringMap(o.Object, "data")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kube.Name(o), err)
		}
		switch {
		case strings.HasPrefix(o.GetName(), "istio-sidecar-injector"):
			text = data["values"]
		case data["mesh"] != "":
			mesh = data["mesh"]
		}
	}
	if text == "" {
		return nil, nil
	}
	var values injectorValues
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, fmt.Errorf("the injector's values in ConfigMap istio-sidecar-injector: %w", err)
	}
	var config struct {
		DefaultConfig struct {
			Image struct {
				ImageType string `json:"imageType"`
			} `json:"image"`
		} `json:"defaultConfig"`
	}
	if err := yaml.Unmarshal([]byte(mesh), &config); err != nil {
		return nil, fmt.Errorf("the mesh configuration in ConfigMap istio: %w", err)
	}
	return values.injection(config.DefaultConfig.Image.ImageType)
}

// injection puts the images' references together as the injector does: ProxyImage
// and ProxyInitImage in Istio's pkg/kube/inject/inject.go.
func (v injectorValues) injection(imageType string) (*Injection, error) {
	if v.Global.Hub == "" || v.Global.Tag == nil {
		return nil, errors.New("the injector's values in ConfigMap istio-sidecar-injector name no hub or no tag")
	}
	if imageType == "" {
		imageType = v.Global.Variant
	}
	reference := func(image, variant string) string {
		switch {
		case strings.Contains(image, "/"):
			return image
		case image == "":
			image = "proxyv2"
		}
		return v.Global.Hub + "/" + image + ":" + withVariant(fmt.Sprint(v.Global.Tag), variant)
	}
	return &Injection{
		Proxy: reference(v.Global.Proxy.Image, imageType),
		Init:  reference(v.Global.ProxyInit.Image, v.Global.Variant),
		CNI:   v.Pilot.CNI.Enabled,
	}, nil
}

// variants are those that Istio publishes: KnownImageTypes in its
// pkg/kube/inject/inject.go.
var variants = []string{"distroless", "debug"}

// withVariant replaces the variant at the end of a tag. "default" is the tag
// without one.
func withVariant(tag, variant string) string {
	if variant == "" {
		return tag
	}
	if i := slices.IndexFunc(variants, func(v string) bool { return strings.HasSuffix(tag, "-"+v) }); i >= 0 {
		tag = strings.TrimSuffix(tag, "-"+variants[i])
	}
	if variant == "default" {
		return tag
	}
	return tag + "-" + variant
}
