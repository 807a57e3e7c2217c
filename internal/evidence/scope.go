package evidence

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Limits of what is looked at in a large cluster.
const (
	namespaceLimit = 25
	podLimit       = 150
	proxyLimit     = 12
)

// proxyContainer is the name of Envoy's container in sidecars and gateways.
// Source: Istio's pkg/kube/inject, ProxyContainerName.
const proxyContainer = "istio-proxy"

// scope is what of the cluster is looked at.
type scope struct {
	namespaces []string
	// pods of those namespaces.
	pods []corev1.Pod
	// resources are the kinds of the API server that are collected, by "kind.group".
	resources map[string]schema.GroupVersionResource
}

// discover finds the namespaces that Istio has to do with.
func (c *Collector) discover(ctx context.Context, w *Writer) (*scope, error) {
	s := &scope{}
	wanted := map[string]bool{}
	for _, namespace := range c.Namespaces {
		wanted[namespace] = true
	}
	var errs []error
	pods, err := c.Clients.Kube.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		errs = append(errs, fmt.Errorf("list the pods of all namespaces: %w", err))
		pods = c.podsOf(ctx, c.Namespaces, &errs)
	}
	if s.resources, err = c.discoverResources(); err != nil {
		errs = append(errs, err)
	}
	if !c.Only {
		for i := range pods.Items {
			if pod := &pods.Items[i]; ofIstio(pod) {
				wanted[pod.Namespace] = true
			}
		}
		errs = append(errs, c.discoverMore(ctx, s, wanted)...)
	}
	s.namespaces = slices.Sorted(maps.Keys(wanted))
	if len(s.namespaces) > namespaceLimit {
		w.Missing("namespaces", fmt.Errorf("only %d of %d are looked at, left out: %s", namespaceLimit, len(s.namespaces), strings.Join(s.namespaces[namespaceLimit:], ", ")))
		s.namespaces = s.namespaces[:namespaceLimit]
	}
	for _, pod := range pods.Items {
		if slices.Contains(s.namespaces, pod.Namespace) {
			s.pods = append(s.pods, pod)
		}
	}
	return s, errors.Join(errs...)
}

func (c *Collector) podsOf(ctx context.Context, namespaces []string, errs *[]error) *corev1.PodList {
	all := &corev1.PodList{}
	for _, namespace := range namespaces {
		pods, err := c.Clients.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			*errs = append(*errs, fmt.Errorf("list the pods of Namespace %s: %w", namespace, err))
			continue
		}
		all.Items = append(all.Items, pods.Items...)
	}
	return all
}

// discoverMore adds the namespaces that are labelled for injection, that hold
// configuration, releases of Istio's charts or a webhook's Service.
func (c *Collector) discoverMore(ctx context.Context, s *scope, wanted map[string]bool) []error {
	var errs []error
	wanted["kube-system"] = true
	namespaces, err := c.Clients.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		errs = append(errs, fmt.Errorf("list Namespaces: %w", err))
	} else {
		for _, ns := range namespaces.Items {
			if ns.Labels["istio-injection"] == "enabled" || ns.Labels["istio.io/rev"] != "" || ns.Name == "istio-system" {
				wanted[ns.Name] = true
			}
		}
	}
	for name, gvr := range s.resources {
		if !strings.HasSuffix(name, ".istio.io") && !strings.HasSuffix(name, ".gateway.networking.k8s.io") {
			continue
		}
		list, err := c.Clients.Dynamic.Resource(gvr).List(ctx, metav1.ListOptions{})
		if err != nil {
			errs = append(errs, fmt.Errorf("list %s: %w", name, err))
			continue
		}
		for i := range list.Items {
			wanted[list.Items[i].GetNamespace()] = true
		}
	}
	delete(wanted, "")
	return errs
}

// ofIstio says whether a pod is istiod or has a proxy, or should have.
func ofIstio(pod *corev1.Pod) bool {
	if pod.Labels["app"] == "istiod" {
		return true
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if container.Name == proxyContainer || container.Image == "auto" {
			return true
		}
	}
	return false
}

// discoverResources returns where the API server serves the kinds of namespacedKinds.
func (c *Collector) discoverResources() (map[string]schema.GroupVersionResource, error) {
	lists, err := c.Clients.Kube.Discovery().ServerPreferredNamespacedResources()
	found := map[string]schema.GroupVersionResource{}
	for _, list := range lists {
		version, parseErr := schema.ParseGroupVersion(list.GroupVersion)
		if parseErr != nil {
			return nil, fmt.Errorf("API group %q: %w", list.GroupVersion, parseErr)
		}
		for _, resource := range list.APIResources {
			name := strings.TrimSuffix(resource.Name+"."+version.Group, ".")
			if _, wanted := namespacedKinds[name]; wanted {
				found[name] = version.WithResource(resource.Name)
			}
		}
	}
	if err != nil {
		return found, fmt.Errorf("ask for the kinds of resources: %w", err)
	}
	return found, nil
}
