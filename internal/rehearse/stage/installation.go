package stage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/process/selfsigned"
	"istio-conformance/internal/rehearse/capture"
)

// Installed is a release of one of Istio's charts, as a list of releases has it.
type Installed struct {
	Chart     string         `json:"chart"`
	Name      string         `json:"name"`
	Namespace string         `json:"namespace"`
	Values    map[string]any `json:"values,omitempty"`
}

// Entrance is a gateway: the Service by which it is asked, and the labels of its pods.
type Entrance struct {
	Namespace, Name string
	// Release is that of chart gateway which makes it; empty where istiod does.
	Release string
	Labels  map[string]string
	// Managed says that istiod makes it, from a Gateway of the Gateway API.
	Managed bool
}

// String is "gateway namespace/name".
func (e *Entrance) String() string { return "gateway " + e.Namespace + "/" + e.Name }

// usual are the releases that every mesh has, where the capture has none.
var usual = []Installed{
	{Chart: "base", Name: "istio-base", Namespace: "istio-system"}, {Chart: "istiod", Name: "istiod", Namespace: "istio-system"},
}

// Installation is how Istio is installed for a captured mesh, with a gateway for each
// selector of a Gateway. Notes say what the capture did not have.
func Installation(mesh *capture.Mesh) (releases []Installed, entrances []*Entrance, notes []string) {
	for _, chart := range []string{"base", "cni", "istiod", "ztunnel", "gateway"} {
		for _, r := range mesh.Releases {
			if r.Chart == chart {
				releases = append(releases, Installed{r.Chart, r.Name, r.Namespace, r.Values})
			}
		}
		for _, u := range usual {
			if u.Chart == chart && !slices.ContainsFunc(releases, func(r Installed) bool { return r.Chart == chart }) {
				releases = append(releases, u)
				notes = append(notes, fmt.Sprintf("the capture has no release of chart %s: %s/%s is installed with the chart's values", chart, u.Namespace, u.Name))
			}
		}
	}
	for _, r := range releases {
		if r.Chart == "gateway" {
			entrances = append(entrances, &Entrance{Namespace: r.Namespace, Name: nameOf(r), Release: r.Name, Labels: labelsOf(r)})
		}
	}
	b := newBuilder(mesh)
	for _, o := range b.istioGateways() {
		selector := selectorOf(o)
		if len(selector) == 0 || managed(selector) || slices.ContainsFunc(entrances, func(e *Entrance) bool { return selector.AsSelector().Matches(labels.Set(e.Labels)) }) {
			continue
		}
		r := b.gatewayFor(selector)
		releases = append(releases, r)
		entrances = append(entrances, &Entrance{Namespace: r.Namespace, Name: r.Name, Release: r.Name, Labels: labelsOf(r)})
		notes = append(notes, fmt.Sprintf("no release of chart gateway makes the pods that %s selects (%s): one is installed as %s/%s", o, selector, r.Namespace, r.Name))
	}
	if len(entrances) == 0 {
		// The checks of the installation ask a gateway.
		releases = append(releases, Installed{Chart: "gateway", Name: "istio-ingressgateway", Namespace: "istio-ingress"})
	}
	return releases, append(entrances, b.managedEntrances()...), notes
}

// managed says whether a selector names the pods that istiod makes for a Gateway of the
// Gateway API.
func managed(selector labels.Set) bool {
	return selector["gateway.networking.k8s.io/gateway-name"] != ""
}

func nameOf(r Installed) string {
	name, _ := r.Values["name"].(string)
	return cmp.Or(name, r.Name)
}

// labelsOf are the labels of a gateway's pods. Source: the chart's templates/_helpers.tpl.
func labelsOf(r Installed) map[string]string {
	all := map[string]string{"app": nameOf(r), "istio": strings.TrimPrefix(nameOf(r), "istio-")}
	given, _ := r.Values["labels"].(map[string]any)
	for key, value := range given {
		all[key] = fmt.Sprint(value)
	}
	return all
}

// gatewayFor is a gateway whose pods a selector matches, with the names, the account and
// the ports that the capture has for it.
func (b *builder) gatewayFor(selector labels.Set) Installed {
	r := Installed{Chart: "gateway", Namespace: "istio-ingress", Name: "istio-" + cmp.Or(selector["istio"], selector["app"], "gateway")}
	if app := selector["app"]; app != "" && selector["istio"] == "" {
		r.Name = app
	}
	values := map[string]any{"labels": anyMap(selector)}
	for _, w := range b.mesh.Workloads {
		if selector.AsSelector().Matches(labels.Set(w.Labels)) {
			_, name, _ := strings.Cut(w.Owner, " ")
			r.Namespace, r.Name = w.Namespace, strings.ToLower(name)
			if w.ServiceAccount != "" && w.ServiceAccount != "default" {
				values["serviceAccount"] = map[string]any{"name": w.ServiceAccount}
			}
			break
		}
	}
	var ports []any
	for _, o := range b.mesh.Of("Service") {
		if s, _ := o.Fields("spec", "selector").(map[string]any); len(s) > 0 && labels.SelectorFromSet(stringMap(s)).Matches(selector) {
			r.Namespace, r.Name = o.Namespace(), o.Name()
			list, _ := o.Fields("spec", "ports").([]any)
			for _, item := range list {
				if p, ok := item.(map[string]any); ok {
					ports = append(ports, only(p, "name", "port", "targetPort", "protocol"))
				}
			}
			break
		}
	}
	for _, port := range b.portsOf(selector.String()) {
		if port > 0 && !slices.ContainsFunc(ports, func(p any) bool { return number(p.(map[string]any)["port"]) == port }) {
			ports = append(ports, map[string]any{"name": fmt.Sprintf("port-%d", port), "port": int64(port), "targetPort": int64(port), "protocol": "TCP"})
		}
	}
	if len(ports) > 0 {
		values["service"] = map[string]any{"ports": ports}
	}
	r.Values = values
	return r
}

func only(table map[string]any, keys ...string) map[string]any {
	kept := map[string]any{}
	for _, key := range keys {
		if value, ok := table[key]; ok {
			kept[key] = value
		}
	}
	return kept
}

func anyMap(of map[string]string) map[string]any {
	all := map[string]any{}
	for key, value := range of {
		all[key] = value
	}
	return all
}

func stringMap(of map[string]any) map[string]string {
	all := map[string]string{}
	for key, value := range of {
		all[key] = fmt.Sprint(value)
	}
	return all
}

// managedEntrances are the gateways that istiod makes.
func (b *builder) managedEntrances() []*Entrance {
	var all []*Entrance
	for _, o := range b.mesh.Of("Gateway") {
		class, _ := o.Fields("spec", "gatewayClassName").(string)
		if strings.HasPrefix(o.Group(), "gateway.networking.") && class == "istio" && o.Fields("spec", "addresses") == nil {
			all = append(all, &Entrance{Namespace: o.Namespace(), Name: o.Name() + "-" + class, Managed: true, Labels: map[string]string{"gateway.networking.k8s.io/gateway-name": o.Name()}})
		}
	}
	return all
}

// credentials makes the certificates that Gateways name and the capture has not, for the
// hosts of their servers.
func (b *builder) credentials() {
	_, entrances, _ := Installation(b.mesh)
	have := map[string]bool{}
	for _, u := range b.stage.First {
		if u.GetKind() == "Secret" {
			have[u.GetNamespace()+"/"+u.GetName()] = true
		}
	}
	for _, o := range b.istioGateways() {
		servers, _ := o.Fields("spec", "servers").([]any)
		for _, item := range servers {
			server, _ := item.(map[string]any)
			secure, _ := server["tls"].(map[string]any)
			name, _ := secure["credentialName"].(string)
			hosts, _ := server["hosts"].([]any)
			for _, e := range entrances {
				key := e.Namespace + "/" + name
				if name == "" || strings.Contains(name, "/") || have[key] || !selectorOf(o).AsSelector().Matches(labels.Set(e.Labels)) {
					continue
				}
				have[key] = true
				b.credential(e.Namespace, name, hosts)
				b.note(fmt.Sprintf("Secret %s, which %s names, is not in the capture: one is made for its hosts", key, o))
			}
		}
	}
}

func (b *builder) credential(namespace, name string, hosts []any) {
	names := map[string]bool{}
	for _, host := range hosts {
		text, _ := host.(string)
		names[text[strings.LastIndex(text, "/")+1:]] = true
	}
	certificate, key, err := selfsigned.Certificate(certificateLife, "rehearsal", slices.Sorted(maps.Keys(names))...)
	if err != nil {
		b.failed = fmt.Errorf("certificate %s/%s: %w", namespace, name, err)
		return
	}
	b.add(&b.stage.First, "v1", "Secret", &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: key},
	})
}
