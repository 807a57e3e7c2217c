package diagnose

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strconv"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

const (
	mutatingFile   = "cluster/mutatingwebhookconfigurations.yaml"
	validatingFile = "cluster/validatingwebhookconfigurations.yaml"
	rootConfigMap  = "istio-ca-root-cert"
)

// observeWebhooks makes records of all webhooks: any of them can stop pods.
func (w *world) observeWebhooks() {
	for i := range w.mutating {
		c := &w.mutating[i]
		for j := range c.Webhooks {
			h := &c.Webhooks[j]
			w.observeWebhook("mutating", c.ObjectMeta, h.Name, h.ClientConfig, h.FailurePolicy)
		}
		w.observeWriters("mutating", mutatingFile, &c.ObjectMeta)
	}
	for i := range w.validating {
		c := &w.validating[i]
		for j := range c.Webhooks {
			h := &c.Webhooks[j]
			w.observeWebhook("validating", c.ObjectMeta, h.Name, h.ClientConfig, h.FailurePolicy)
		}
		w.observeWriters("validating", validatingFile, &c.ObjectMeta)
	}
}

func (w *world) observeWebhook(kind string, config metav1.ObjectMeta, name string, client admissionv1.WebhookClientConfig, policy *admissionv1.FailurePolicyType) {
	file := validatingFile
	if kind == "mutating" {
		file = mutatingFile
	}
	failure := "fail"
	if policy != nil && *policy == admissionv1.Ignore {
		failure = "ignore"
	}
	service, backend, ca := "", "url", "unknown"
	if client.Service != nil {
		service = id(client.Service.Namespace, client.Service.Name)
		backend = w.backend(client.Service.Namespace, client.Service.Name)
		ca = w.bundle(client.CABundle, client.Service.Namespace)
	}
	ofIstio := strings.HasSuffix(name, "istio.io") || strings.Contains(config.Name, "istio")
	w.add("webhook", file, fmt.Sprintf("%s webhook %s of %s: Service %s is %s, failurePolicy %s, caBundle %s", kind, name, config.Name, service, backend, failure, ca),
		"config", config.Name, "webhook", name, "kind", kind, "istio", yes(ofIstio), "service", service, "backend", backend, "policy", failure, "ca", ca)
}

// backend says whether something answers for a webhook's Service.
func (w *world) backend(namespace, name string) string {
	if !w.listed(namespace, "services") {
		if w.whole["cluster/namespaces.yaml"] && !w.hasNamespace(namespace) {
			return "no-service"
		}
		return "unknown"
	}
	s := w.service(namespace, name)
	switch {
	case s == nil:
		return "no-service"
	case !w.listed(namespace, "endpointslices.discovery.k8s.io"):
		return "unknown"
	case len(w.endpoints(s)) == 0:
		return "no-endpoints"
	}
	return "ready"
}

func (w *world) hasNamespace(name string) bool {
	for i := range w.namespaces {
		if w.namespaces[i].Name == name {
			return true
		}
	}
	return false
}

// bundle judges a webhook's caBundle, by the mesh's root where there is one.
func (w *world) bundle(ca []byte, namespace string) string {
	if len(ca) == 0 {
		return "empty"
	}
	found := certificates(ca)
	if len(found) == 0 {
		return "unreadable"
	}
	if allExpired(found, w.now) {
		return "expired"
	}
	for i := range w.configmaps {
		cm := &w.configmaps[i]
		if cm.Namespace != namespace || cm.Name != rootConfigMap {
			continue
		}
		for _, root := range certificates([]byte(cm.Data["root-cert.pem"])) {
			for _, c := range found {
				if bytes.Equal(c.Raw, root.Raw) {
					return "ok"
				}
			}
		}
		return "other"
	}
	return "unknown"
}

func certificates(content []byte) []*x509.Certificate {
	var found []*x509.Certificate
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return found
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			found = append(found, c)
		}
	}
}

func allExpired(certificates []*x509.Certificate, now time.Time) bool {
	for _, c := range certificates {
		if now.Before(c.NotAfter) {
			return false
		}
	}
	return len(certificates) > 0
}

// observeNamespaces makes records of what namespaces ask of injection.
func (w *world) observeNamespaces() {
	for i := range w.namespaces {
		ns := &w.namespaces[i]
		rev, injection := ns.Labels["istio.io/rev"], ns.Labels["istio-injection"]
		injectors := w.injectors(ns)
		served := "unknown"
		if rev != "" && w.whole[mutatingFile] {
			served = yes(injectors > 0)
		}
		discovered, selectors := w.discovered(ns)
		w.add("namespace", "cluster/namespaces.yaml", fmt.Sprintf("Namespace %s: %s, istio-injection=%q, istio.io/rev=%q, %d injectors match", ns.Name, ns.Status.Phase, injection, rev, injectors),
			"ns", ns.Name, "injection", injection, "rev", rev, "served", served, "phase", string(ns.Status.Phase),
			"stuck", yes(ns.DeletionTimestamp != nil && w.now.Sub(ns.DeletionTimestamp.Time) > recent/2), "injectors", strconv.Itoa(injectors),
			"discovered", discovered, "selectors", selectors)
		for _, c := range ns.Status.Conditions {
			w.condition("cluster/namespaces.yaml", "Namespace", ns.Name, ns.Name, "", string(c.Type), string(c.Status), c.Reason, c.Message)
		}
	}
}

// injectors counts the webhooks that would inject a plain pod of the namespace.
func (w *world) injectors(ns *corev1.Namespace) int {
	n := 0
	for i := range w.mutating {
		for j := range w.mutating[i].Webhooks {
			h := &w.mutating[i].Webhooks[j]
			if !strings.HasSuffix(h.Name, "sidecar-injector.istio.io") {
				continue
			}
			if selectorMatches(h.NamespaceSelector, ns.Labels) && selectorMatches(h.ObjectSelector, nil) {
				n++
			}
		}
	}
	return n
}

// injectorsOf counts the webhooks that would inject a pod, by the labels that it and its
// namespace have now; "unknown" where the webhooks are not known.
func (w *world) injectorsOf(pod *corev1.Pod) string {
	if !w.whole[mutatingFile] || !w.hasNamespace(pod.Namespace) {
		return unknown
	}
	var ns *corev1.Namespace
	for i := range w.namespaces {
		if w.namespaces[i].Name == pod.Namespace {
			ns = &w.namespaces[i]
		}
	}
	n := 0
	for i := range w.mutating {
		for j := range w.mutating[i].Webhooks {
			h := &w.mutating[i].Webhooks[j]
			if strings.HasSuffix(h.Name, "sidecar-injector.istio.io") && selectorMatches(h.NamespaceSelector, ns.Labels) && selectorMatches(h.ObjectSelector, pod.Labels) {
				n++
			}
		}
	}
	return strconv.Itoa(n)
}

func selectorMatches(s *metav1.LabelSelector, have map[string]string) bool {
	if s == nil {
		return true
	}
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(have))
}
