// Package capture takes a mesh out of a cluster, or out of a folder of YAML, into one
// reviewable archive: what decides how its traffic is routed, and no secret.
package capture

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/runtime"
)

// Schema names the contract of the archive; it is in its index.yaml.
const Schema = "istio-conformance/mesh/v1"

// Mesh is what was captured.
type Mesh struct {
	Index     Index
	Releases  []*Release
	Objects   []*Object
	Workloads []*Workload
}

// Index says what an archive holds. It has no time, so that a mesh that did not change
// gives the same archive again.
type Index struct {
	Schema string `json:"schema"`
	// From is "cluster" or "folder".
	From string `json:"from"`
	// Kubernetes is the API server's version, "v1.36.3"; empty where no cluster was asked.
	Kubernetes string `json:"kubernetes,omitempty"`
	// Istio are the versions of the control planes, or of the releases of chart istiod.
	Istio []string `json:"istio,omitempty"`
	// ControlPlanes are the Deployments of istiod, whoever installed them.
	ControlPlanes []ControlPlane `json:"controlPlanes,omitempty"`
	// Objects counts them by kind.
	Objects map[string]int `json:"objects,omitempty"`
	// Pods is how many pods the workloads stand for.
	Pods int `json:"pods"`
	// Notes say what was assumed, Missing what could not be had and why.
	Notes   []string `json:"notes,omitempty"`
	Missing []string `json:"missing,omitempty"`
}

// ControlPlane is one Deployment of istiod.
type ControlPlane struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Revision  string `json:"revision,omitempty"`
	Image     string `json:"image,omitempty"`
	Version   string `json:"version,omitempty"`
}

// Release is one release of a chart of Istio's.
type Release struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Chart is base, istiod, cni, ztunnel or gateway.
	Chart   string `json:"chart"`
	Version string `json:"version,omitempty"`
	Status  string `json:"status,omitempty"`
	// By says what installs it: helm, Flux, Argo CD, an umbrella chart or a file of values.
	By     string         `json:"by"`
	Values map[string]any `json:"values,omitempty"`

	Place `json:"-"`
}

// String is "release <namespace>/<name>".
func (r *Release) String() string { return "release " + r.Namespace + "/" + r.Name }

// Workload is pods that are alike: one shape.
type Workload struct {
	// Owner is what makes them: "Deployment reviews-v1".
	Owner          string            `json:"owner"`
	Namespace      string            `json:"namespace"`
	ServiceAccount string            `json:"serviceAccount,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	Annotations    map[string]string `json:"annotations,omitempty"`
	Ports          []Port            `json:"ports,omitempty"`
	Pods           int               `json:"pods"`
	Ready          int               `json:"ready"`
	// Services select these pods.
	Services []string `json:"services,omitempty"`
	// Proxy is the image of their proxy; empty where they have none.
	Proxy string `json:"proxy,omitempty"`
	// Images are those of the containers, so that places that end are seen.
	Images []string `json:"images,omitempty"`

	Place `json:"-"`
}

// Port is a port that a container declares.
type Port struct {
	Name     string `json:"name,omitempty"`
	Port     int64  `json:"port"`
	Protocol string `json:"protocol,omitempty"`
}

// Place is where something is written: a file of the archive, or of the folder that it
// was captured from.
type Place struct {
	File string
	Line int
	// origins is "file:line" of the folder that the archive was captured from, if any.
	origins string
	node    *yaml.Node
}

// Origin is "file:line" of the folder that an archive was captured from; empty where it
// was captured from a cluster.
func (p Place) Origin() string { return p.origins }

// at is "file:line".
func (p Place) at() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Object is one object of the Kubernetes API as it was captured.
type Object struct {
	Body map[string]any
	Place
}

// Kind is the object's.
func (o *Object) Kind() string { return text(o.Body, "kind") }

// APIVersion is "group/version", or the version alone in the core group.
func (o *Object) APIVersion() string { return text(o.Body, "apiVersion") }

// Namespace is empty for what is in none.
func (o *Object) Namespace() string { return text(o.Body, "metadata", "namespace") }

// Name is the object's.
func (o *Object) Name() string { return text(o.Body, "metadata", "name") }

// Group is the API group; empty for the core group.
func (o *Object) Group() string {
	group, _, found := strings.Cut(o.APIVersion(), "/")
	if !found {
		return ""
	}
	return group
}

// Version is the version within the group.
func (o *Object) Version() string {
	_, version, found := strings.Cut(o.APIVersion(), "/")
	if !found {
		return o.APIVersion()
	}
	return version
}

// String is "kind namespace/name", as errors name it.
func (o *Object) String() string {
	if ns := o.Namespace(); ns != "" {
		return o.Kind() + " " + ns + "/" + o.Name()
	}
	return o.Kind() + " " + o.Name()
}

// Configures says whether the object is configuration of Istio or of the Gateway API.
func (o *Object) Configures() bool { return configures(o.Group()) }

// Fields returns a field of the object, or nil.
func (o *Object) Fields(path ...string) any { return dig(o.Body, path...) }

// Of returns the objects of a kind.
func (m *Mesh) Of(kind string) []*Object {
	var found []*Object
	for _, o := range m.Objects {
		if o.Kind() == kind {
			found = append(found, o)
		}
	}
	return found
}

// identity is the same for two objects of which a cluster can have only one.
func (o *Object) identity() string {
	return strings.Join([]string{o.Namespace(), o.Group(), o.Kind(), o.Name()}, "\x00")
}

// order sorts what was captured and counts it.
func (m *Mesh) order() {
	key := (*Object).identity
	slices.SortStableFunc(m.Objects, func(a, b *Object) int { return cmp.Compare(key(a), key(b)) })
	slices.SortStableFunc(m.Releases, func(a, b *Release) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Chart, b.Chart))
	})
	slices.SortStableFunc(m.Workloads, func(a, b *Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.shape(), b.shape()))
	})
	m.Index.Schema = Schema
	m.Index.Objects, m.Index.Pods = map[string]int{}, 0
	for _, o := range m.Objects {
		m.Index.Objects[o.Kind()]++
	}
	for _, w := range m.Workloads {
		m.Index.Pods += w.Pods
	}
	versions := map[string]bool{}
	for _, r := range m.Releases {
		if r.Chart == "istiod" && r.Version != "" {
			versions[r.Version] = true
		}
	}
	for _, c := range m.Index.ControlPlanes {
		if c.Version != "" {
			versions[c.Version] = true
		}
	}
	m.Index.Istio = slices.Sorted(maps.Keys(versions))
	slices.Sort(m.Index.Missing)
	slices.Sort(m.Index.Notes)
}

// text returns a field that is a string.
func text(body map[string]any, path ...string) string {
	s, _ := dig(body, path...).(string)
	return s
}

// dig returns a field below tables, or nil.
func dig(body any, path ...string) any {
	for _, key := range path {
		table, ok := body.(map[string]any)
		if !ok {
			return nil
		}
		body = table[key]
	}
	return body
}

// Copy returns a deep copy of what was read from YAML.
func Copy(table map[string]any) map[string]any {
	if table == nil {
		return map[string]any{}
	}
	return runtime.DeepCopyJSON(table)
}
