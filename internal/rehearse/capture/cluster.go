package capture

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/release"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"istio-conformance/internal/cluster"
)

// page is how many objects are asked for at once: what bounds the memory.
const page = 500

// Lister lists the releases of Helm in all namespaces.
type Lister interface {
	List(ctx context.Context, namespace string) ([]*release.Release, error)
}

// Core are the resources that are read beside those of Istio and the Gateway API, as
// "resource.group".
var Core = []string{
	"namespaces", "services", "serviceaccounts", "secrets", "configmaps", "pods", "endpointslices.discovery.k8s.io",
	"deployments.apps", "customresourcedefinitions.apiextensions.k8s.io",
	"mutatingwebhookconfigurations.admissionregistration.k8s.io", "validatingwebhookconfigurations.admissionregistration.k8s.io",
}

// FromCluster reads a mesh from a cluster. What may not be read is listed in the
// index; only an API server that does not answer is an error.
func FromCluster(ctx context.Context, clients *cluster.Clients, helm Lister) (*Mesh, error) {
	version, err := clients.ServerVersion(ctx)
	if err != nil {
		return nil, err
	}
	m := &Mesh{Index: Index{From: "cluster", Kubernetes: version}}
	c := &collector{clients: clients, mesh: m}
	if err := c.releases(ctx, helm); err != nil {
		m.miss("releases", err)
	}
	resources, err := c.resources()
	if err != nil {
		m.miss("kinds of the API server", err)
	}
	for _, gvr := range resources {
		if err := c.list(ctx, gvr); err != nil {
			m.miss(gvr.GroupResource().String(), err)
		}
	}
	if err := c.pods(ctx); err != nil {
		m.miss("pods", err)
	}
	if err := c.controlPlanes(ctx); err != nil {
		m.miss("deployments of istiod", err)
	}
	m.finish()
	return m, context.Cause(ctx)
}

// finish removes what other objects make superfluous, and sorts.
func (m *Mesh) finish() {
	m.dropSelected()
	m.selectPods()
	m.order()
}

// dropSelected removes the endpoints of Services that select pods: the workloads say them.
func (m *Mesh) dropSelected() {
	selecting := map[string]bool{}
	for _, s := range m.Of("Service") {
		if selector, _ := s.Fields("spec", "selector").(map[string]any); len(selector) > 0 {
			selecting[s.Namespace()+"/"+s.Name()] = true
		}
	}
	m.Objects = slices.DeleteFunc(m.Objects, func(o *Object) bool {
		return o.Kind() == "EndpointSlice" && selecting[o.Namespace()+"/"+text(o.Body, "metadata", "labels", "kubernetes.io/service-name")]
	})
}

func (m *Mesh) miss(what string, err error) {
	m.Index.Missing = append(m.Index.Missing, hideText("", what+": "+strings.Join(strings.Fields(err.Error()), " ")))
}

// add takes in what of an object matters.
func (m *Mesh) add(body map[string]any, at Place) {
	if slimmed := slim(body); slimmed != nil {
		hidden, _ := hide(slimmed, "", false).(map[string]any)
		m.Objects = append(m.Objects, &Object{Body: hidden, Place: at})
	}
}

// collector reads one cluster.
type collector struct {
	clients *cluster.Clients
	mesh    *Mesh
}

func (c *collector) releases(ctx context.Context, helm Lister) error {
	if helm == nil {
		return errors.New("no client of Helm")
	}
	all, err := helm.List(ctx, "")
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Chart == nil || r.Chart.Metadata == nil || !published(r.Chart.Metadata.Name, r.Chart.Metadata.Sources) {
			continue
		}
		kept := &Release{Name: r.Name, Namespace: r.Namespace, Chart: r.Chart.Metadata.Name, Version: r.Chart.Metadata.Version, By: "helm"}
		if r.Info != nil {
			kept.Status = r.Info.Status.String()
		}
		kept.Values, _ = hide(r.Config, "", false).(map[string]any)
		c.mesh.Releases = append(c.mesh.Releases, kept)
	}
	return nil
}

// published says whether a chart is one of Istio's, by its name and its sources.
func published(name string, sources []string) bool {
	return slices.Contains(charts, name) && slices.ContainsFunc(sources, func(s string) bool { return strings.Contains(s, "istio/istio") })
}

// resources are the kinds that are listed object by object.
func (c *collector) resources() ([]schema.GroupVersionResource, error) {
	lists, err := c.clients.Kube.Discovery().ServerPreferredResources()
	var found []schema.GroupVersionResource
	for _, list := range lists {
		gv, parseErr := schema.ParseGroupVersion(list.GroupVersion)
		if parseErr != nil {
			continue // the API server would not serve it
		}
		for _, r := range list.APIResources {
			gvr := gv.WithResource(r.Name)
			name := gvr.GroupResource().String()
			wanted := configures(gv.Group) || slices.Contains(Core, name) && name != "pods" && name != "deployments.apps"
			if wanted && slices.Contains(r.Verbs, "list") {
				found = append(found, gvr)
			}
		}
	}
	return found, err
}

// each lists objects page by page.
func each(ctx context.Context, list func(metav1.ListOptions) (next string, err error)) error {
	options := metav1.ListOptions{Limit: page}
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		next, err := list(options)
		if err != nil || next == "" {
			return err
		}
		options.Continue = next
	}
}

func (c *collector) list(ctx context.Context, gvr schema.GroupVersionResource) error {
	return each(ctx, func(options metav1.ListOptions) (string, error) {
		list, err := c.clients.Dynamic.Resource(gvr).List(ctx, options)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			item := &list.Items[i]
			item.SetAPIVersion(list.GetAPIVersion())
			item.SetKind(strings.TrimSuffix(list.GetKind(), "List"))
			if !system(item) {
				c.mesh.add(item.Object, Place{})
			}
		}
		return list.GetContinue(), nil
	})
}

// system says whether an object is there in every cluster and says nothing of a mesh.
func system(u *unstructured.Unstructured) bool {
	ns := u.GetNamespace()
	return ns == "kube-system" || ns == "kube-public" || ns == "kube-node-lease" || u.GetKind() == "ServiceAccount" && u.GetName() == "default"
}

func (c *collector) pods(ctx context.Context) error {
	found := shapes{}
	err := each(ctx, func(options metav1.ListOptions) (string, error) {
		list, err := c.clients.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			if list.Items[i].Namespace != "kube-system" {
				found.addPod(&list.Items[i])
			}
		}
		return list.Continue, nil
	})
	for _, w := range found {
		c.mesh.Workloads = append(c.mesh.Workloads, w)
	}
	return err
}

func (c *collector) controlPlanes(ctx context.Context) error {
	list, err := c.clients.Kube.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: "app=istiod"})
	if err != nil {
		return err
	}
	for i := range list.Items {
		c.mesh.Index.ControlPlanes = append(c.mesh.Index.ControlPlanes, controlPlane(&list.Items[i]))
	}
	return nil
}

func controlPlane(d *appsv1.Deployment) ControlPlane {
	found := ControlPlane{Namespace: d.Namespace, Name: d.Name, Revision: d.Labels["istio.io/rev"]}
	for _, container := range d.Spec.Template.Spec.Containers {
		if container.Name == "discovery" {
			found.Image, found.Version = container.Image, tagVersion(container.Image)
		}
	}
	return found
}

// tagVersion is the version in an image's tag: "1.30.0" of "docker.io/istio/pilot:1.30.0-distroless".
func tagVersion(image string) string {
	name, _, _ := strings.Cut(image, "@")
	_, tag, found := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	if !found {
		return ""
	}
	tag = strings.TrimSuffix(strings.TrimSuffix(tag, "-distroless"), "-debug")
	if strings.Count(tag, ".") < 1 || strings.Trim(tag[:1], "0123456789") != "" {
		return ""
	}
	return tag
}

// Summary is one line on what was captured.
func (m *Mesh) Summary() string {
	config := 0
	for _, o := range m.Objects {
		if o.Configures() {
			config++
		}
	}
	return fmt.Sprintf("%d releases of Istio's charts, %d objects of Istio and the Gateway API, %d Services, %d pods of %d shapes",
		len(m.Releases), config, m.Index.Objects["Service"], m.Index.Pods, len(m.Workloads))
}
