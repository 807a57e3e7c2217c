package capture

import (
	"slices"
	"strings"
)

// charts are the charts that Istio's project publishes; "gateway" of somebody else is
// told apart by its sources.
var charts = []string{"base", "istiod", "cni", "ztunnel", "gateway"}

// coreKinds are kept beside the configuration of Istio and the Gateway API.
var coreKinds = []string{
	"Namespace", "Service", "ServiceAccount", "Secret", "ConfigMap", "EndpointSlice",
	"CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}

// clusterScoped are the kinds that have no namespace.
var clusterScoped = []string{
	"Namespace", "GatewayClass", "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
}

// configures says whether objects of an API group are configuration of the mesh.
func configures(group string) bool {
	return group == "istio.io" || strings.HasSuffix(group, ".istio.io") || group == "gateway.networking.k8s.io" || group == "gateway.networking.x-k8s.io"
}

// slim keeps of an object what decides about traffic, or returns nil where nothing does.
// What is not needed is not taken: that is the first protection of secrets.
func slim(body map[string]any) map[string]any {
	o := &Object{Body: body}
	if !o.Configures() && !slices.Contains(coreKinds, o.Kind()) {
		return nil
	}
	slimmed := map[string]any{"apiVersion": o.APIVersion(), "kind": o.Kind(), "metadata": slimMetadata(o)}
	switch o.Kind() {
	case "Namespace", "ServiceAccount":
	case "Service":
		slimmed["spec"] = slimService(body["spec"])
	case "Secret":
		return slimSecret(o, slimmed)
	case "ConfigMap":
		mesh := text(body, "data", "mesh")
		if mesh == "" {
			return nil
		}
		data := map[string]any{"mesh": mesh}
		if networks := text(body, "data", "meshNetworks"); networks != "" {
			data["meshNetworks"] = networks
		}
		slimmed["data"] = data
	case "CustomResourceDefinition":
		return slimCRD(o, slimmed)
	case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
		return slimWebhooks(o, slimmed)
	case "EndpointSlice":
		for _, key := range []string{"addressType", "endpoints", "ports"} {
			slimmed[key] = body[key]
		}
	default:
		for key, value := range body {
			if key != "metadata" && key != "status" {
				slimmed[key] = value
			}
		}
	}
	return slimmed
}

// slimMetadata keeps names, labels, Istio's annotations and the age, by which istiod
// merges routes of the same host.
func slimMetadata(o *Object) map[string]any {
	meta := map[string]any{"name": o.Name()}
	if o.Namespace() != "" {
		meta["namespace"] = o.Namespace()
	}
	if created := text(o.Body, "metadata", "creationTimestamp"); created != "" && o.Configures() {
		meta["creationTimestamp"] = created
	}
	if labels, _ := dig(o.Body, "metadata", "labels").(map[string]any); len(labels) > 0 {
		meta["labels"] = labels
	}
	annotations, _ := dig(o.Body, "metadata", "annotations").(map[string]any)
	if kept := ofIstio(annotations); len(kept) > 0 {
		meta["annotations"] = kept
	}
	return meta
}

// ofIstio are the annotations that Istio, the Gateway API or Helm read.
func ofIstio(annotations map[string]any) map[string]any {
	kept := map[string]any{}
	for key, value := range annotations {
		domain, _, _ := strings.Cut(key, "/")
		if configures(domain) || domain == "meta.helm.sh" || key == "k8s.v1.cni.cncf.io/networks" {
			kept[key] = value
		}
	}
	return kept
}

// slimService leaves out the addresses that the API server chose.
func slimService(spec any) any {
	from, _ := spec.(map[string]any)
	kept := map[string]any{}
	for _, key := range []string{"ports", "selector", "type", "externalName", "externalTrafficPolicy", "internalTrafficPolicy", "sessionAffinity", "publishNotReadyAddresses", "externalIPs", "trafficDistribution"} {
		if value, ok := from[key]; ok {
			kept[key] = value
		}
	}
	if from["clusterIP"] == "None" {
		kept["clusterIP"] = "None"
	}
	ports, _ := kept["ports"].([]any)
	for _, port := range ports {
		if p, ok := port.(map[string]any); ok {
			delete(p, "nodePort")
		}
	}
	return kept
}

// slimCRD keeps versions and which of them are stored, not the schemas.
func slimCRD(o *Object, slimmed map[string]any) map[string]any {
	if !configures(text(o.Body, "spec", "group")) {
		return nil
	}
	spec := map[string]any{}
	for _, key := range []string{"group", "names", "scope"} {
		spec[key] = o.Fields("spec", key)
	}
	var versions []any
	all, _ := o.Fields("spec", "versions").([]any)
	for _, version := range all {
		versions = append(versions, map[string]any{
			"name": dig(version, "name"), "served": dig(version, "served"), "storage": dig(version, "storage"),
		})
	}
	spec["versions"] = versions
	slimmed["spec"] = spec
	if stored := o.Fields("status", "storedVersions"); stored != nil {
		slimmed["status"] = map[string]any{"storedVersions": stored}
	}
	return slimmed
}

// slimWebhooks keeps Istio's webhooks without the certificate of their caller.
func slimWebhooks(o *Object, slimmed map[string]any) map[string]any {
	hooks, _ := o.Body["webhooks"].([]any)
	var kept []any
	for _, hook := range hooks {
		h, _ := hook.(map[string]any)
		if !strings.HasSuffix(text(h, "name"), "istio.io") {
			continue
		}
		if config, ok := h["clientConfig"].(map[string]any); ok {
			delete(config, "caBundle")
		}
		kept = append(kept, h)
	}
	if len(kept) == 0 {
		return nil
	}
	slimmed["webhooks"] = kept
	return slimmed
}
