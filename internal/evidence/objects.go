package evidence

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/evidence/redact"
)

// namespacedKinds are the resources that are collected of a namespace, as
// "resource.group". For those that are true an empty list is written too: that
// there is no such object is evidence.
var namespacedKinds = map[string]bool{
	"pods": true, "services": true, "secrets": true, "endpointslices.discovery.k8s.io": true,
	"configmaps": false, "serviceaccounts": false, "resourcequotas": false,
	"deployments.apps": false, "replicasets.apps": false, "daemonsets.apps": false, "statefulsets.apps": false,
	"horizontalpodautoscalers.autoscaling": false, "poddisruptionbudgets.policy": false,
	"networkpolicies.networking.k8s.io": false, "ingresses.networking.k8s.io": false,
	"gateways.networking.istio.io": false, "virtualservices.networking.istio.io": false,
	"destinationrules.networking.istio.io": false, "serviceentries.networking.istio.io": false,
	"sidecars.networking.istio.io": false, "envoyfilters.networking.istio.io": false,
	"workloadentries.networking.istio.io": false, "proxyconfigs.networking.istio.io": false,
	"peerauthentications.security.istio.io": false, "requestauthentications.security.istio.io": false,
	"authorizationpolicies.security.istio.io": false, "telemetries.telemetry.istio.io": false,
	"wasmplugins.extensions.istio.io":    false,
	"gateways.gateway.networking.k8s.io": false, "httproutes.gateway.networking.k8s.io": false,
	"grpcroutes.gateway.networking.k8s.io": false, "tlsroutes.gateway.networking.k8s.io": false,
	"tcproutes.gateway.networking.k8s.io": false, "listenersets.gateway.networking.k8s.io": false,
	"referencegrants.gateway.networking.k8s.io": false, "backendtlspolicies.gateway.networking.k8s.io": false,
}

// clusterKinds are the resources that belong to no namespace.
var clusterKinds = map[string]schema.GroupVersionResource{
	"nodes":                           {Version: "v1", Resource: "nodes"},
	"namespaces":                      {Version: "v1", Resource: "namespaces"},
	"mutatingwebhookconfigurations":   {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
	"validatingwebhookconfigurations": {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
	"customresourcedefinitions":       {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	"gatewayclasses":                  {Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gatewayclasses"},
}

// Kinds are the resources that are collected, as "resource.group"; what a run needs
// to read for its evidence.
func Kinds() []string {
	all := slices.Collect(maps.Keys(namespacedKinds))
	for _, gvr := range clusterKinds {
		all = append(all, gvr.GroupResource().String())
	}
	all = append(all, leases.GroupResource().String())
	slices.Sort(all)
	return all
}

// leases are renewed by each node by its own clock.
var leases = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}

func (c *Collector) clusterJobs(_ *scope) []job {
	var jobs []job
	for name, gvr := range clusterKinds {
		file := path.Join("cluster", name+".yaml")
		jobs = append(jobs, job{file, func(ctx context.Context, w *Writer) error {
			return c.list(ctx, w, file, name+" of the cluster", gvr, "", true)
		}})
	}
	file := "cluster/leases.yaml"
	return append(jobs,
		job{file, func(ctx context.Context, w *Writer) error {
			return c.list(ctx, w, file, "leases of the nodes, renewed by their clocks", leases, "kube-node-lease", true)
		}},
		job{"cluster/version.json", func(ctx context.Context, w *Writer) error {
			raw, err := c.Clients.Kube.Discovery().RESTClient().Get().AbsPath("/version").DoRaw(ctx)
			w.Add("cluster/version.json", "version of the API server", raw)
			return err
		}})
}

func (c *Collector) namespaceJobs(s *scope, namespace string) []job {
	folder := path.Join("namespaces", namespace)
	jobs := []job{{path.Join(folder, "events.txt"), func(ctx context.Context, w *Writer) error {
		text, err := c.events(ctx, namespace)
		w.Add(path.Join(folder, "events.txt"), "events of "+namespace+", the oldest first", []byte(text))
		return err
	}}}
	for name, gvr := range s.resources {
		file := path.Join(folder, name+".yaml")
		jobs = append(jobs, job{file, func(ctx context.Context, w *Writer) error {
			return c.list(ctx, w, file, name+" of "+namespace, gvr, namespace, namespacedKinds[name])
		}})
	}
	return jobs
}

// list writes the objects of one kind.
func (c *Collector) list(ctx context.Context, w *Writer, file, what string, gvr schema.GroupVersionResource, namespace string, alsoEmpty bool) error {
	var list *unstructured.UnstructuredList
	var err error
	if namespace == "" {
		list, err = c.Clients.Dynamic.Resource(gvr).List(ctx, metav1.ListOptions{})
	} else {
		list, err = c.Clients.Dynamic.Resource(gvr).Namespace(namespace).List(ctx, metav1.ListOptions{})
	}
	if apierrors.IsNotFound(err) && strings.HasSuffix(gvr.Group, "gateway.networking.k8s.io") {
		return nil // the Gateway API is not installed
	}
	if err != nil {
		return err
	}
	items := make([]map[string]any, 0, len(list.Items))
	for i := range list.Items {
		item := list.Items[i]
		item.SetKind(strings.TrimSuffix(list.GetKind(), "List"))
		item.SetAPIVersion(list.GetAPIVersion())
		if object := clean(&item); object != nil {
			items = append(items, object)
		}
	}
	if len(items) == 0 && !alsoEmpty {
		return nil
	}
	content, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	w.Add(file, what, content)
	return nil
}

// clean returns what of an object helps, or nil where nothing does.
func clean(u *unstructured.Unstructured) map[string]any {
	// The managed fields of a Lease hold the API server's clock, those of a webhook say
	// who writes it.
	if u.GetKind() != "Lease" && !strings.HasSuffix(u.GetKind(), "WebhookConfiguration") {
		u.SetManagedFields(nil)
	}
	annotations := u.GetAnnotations()
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	u.SetAnnotations(annotations)
	switch u.GetKind() {
	case "Secret":
		if strings.HasPrefix(u.GetName(), "sh.helm.release.") {
			return nil // the releases have files of their own
		}
		return summarySecret(u)
	case "ConfigMap":
		return summaryConfigMap(u)
	case "CustomResourceDefinition":
		if group, _, _ := unstructured.NestedString(u.Object, "spec", "group"); !strings.HasSuffix(group, "istio.io") && !strings.HasPrefix(group, "gateway.networking") {
			return nil
		}
		dropSchemas(u)
	case "Pod":
		hideEnvironment(u)
	}
	return u.Object
}

// summaryConfigMap keeps Istio's own ConfigMaps whole and of others the keys.
func summaryConfigMap(u *unstructured.Unstructured) map[string]any {
	name := u.GetName()
	if name == "istio-ca-root-cert" || name == "coredns" || name == "istio" || strings.HasPrefix(name, "istio-") && !strings.Contains(name, "sidecar-injector") {
		return u.Object
	}
	data, _, _ := unstructured.NestedStringMap(u.Object, "data")
	keys := map[string]any{}
	for key, value := range data {
		keys[key] = fmt.Sprintf("<%d bytes>", len(value))
	}
	u.Object["data"] = keys
	delete(u.Object, "binaryData")
	return u.Object
}

// dropSchemas leaves out what makes CRDs large.
func dropSchemas(u *unstructured.Unstructured) {
	versions, _, _ := unstructured.NestedSlice(u.Object, "spec", "versions")
	for _, version := range versions {
		if v, ok := version.(map[string]any); ok {
			delete(v, "schema")
			delete(v, "additionalPrinterColumns")
		}
	}
	if len(versions) > 0 {
		// The slice came out of the same object, so it can always be set.
		_ = unstructured.SetNestedSlice(u.Object, versions, "spec", "versions")
	}
}

// hideEnvironment removes what a container's environment says, save Istio's own:
// what an application is given is nobody's business here, whatever its name.
func hideEnvironment(u *unstructured.Unstructured) {
	for _, field := range []string{"containers", "initContainers"} {
		containers, found, err := unstructured.NestedSlice(u.Object, "spec", field)
		if !found && err == nil {
			continue
		}
		for _, container := range containers {
			c, ok := container.(map[string]any)
			if !ok || c["name"] == proxyContainer || c["name"] == "discovery" || c["name"] == "istio-init" {
				continue
			}
			list, _ := c["env"].([]any)
			for _, variable := range list {
				if v, ok := variable.(map[string]any); ok {
					if value, set := v["value"].(string); set {
						v["value"] = redact.Value(len(value))
					}
				}
			}
		}
		// What cannot be read or put back is left out: it would be shown as it is.
		if err != nil || unstructured.SetNestedSlice(u.Object, containers, "spec", field) != nil {
			unstructured.RemoveNestedField(u.Object, "spec", field)
		}
	}
}

// indent makes JSON readable; what is none stays as it is.
func indent(raw string) []byte {
	var decoded any
	if err := json.Unmarshal([]byte(raw), &decoded); err != nil {
		return []byte(raw)
	}
	content, err := json.MarshalIndent(decoded, "", " ")
	if err != nil {
		return []byte(raw)
	}
	return content
}
