package diagnose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/evidence"
)

// world is the content of a folder of evidence.
type world struct {
	files fs.FS
	index evidence.Index
	// now is when the evidence was collected.
	now time.Time

	nodes       []corev1.Node
	namespaces  []corev1.Namespace
	leases      []coordinationv1.Lease
	mutating    []admissionv1.MutatingWebhookConfiguration
	validating  []admissionv1.ValidatingWebhookConfiguration
	crds        []apiextensionsv1.CustomResourceDefinition
	pods        []corev1.Pod
	services    []corev1.Service
	slices      []discoveryv1.EndpointSlice
	configmaps  []corev1.ConfigMap
	deployments []appsv1.Deployment
	replicasets []appsv1.ReplicaSet
	daemonsets  []appsv1.DaemonSet
	statefuls   []appsv1.StatefulSet
	// others are the objects of Istio's kinds and Secrets, by "resource.group".
	others map[string][]unstructured.Unstructured
	// meshes are the mesh configurations, read once.
	meshes []meshConfig
	// dumps are what was read of the proxies' configurations, by "namespace/pod".
	dumps map[string]*configured
	// whole names the files whose kind was listed, also when the list was empty.
	whole map[string]bool

	*Observations
}

// Observe reads a folder of evidence. A file that cannot be read is listed as
// missing; a folder without an index is an error.
func Observe(files fs.FS) (*Observations, error) {
	w := &world{files: files, whole: map[string]bool{}, others: map[string][]unstructured.Unstructured{},
		Observations: &Observations{records: map[string][]Record{}}}
	content, err := fs.ReadFile(files, evidence.IndexName)
	if err != nil {
		return nil, fmt.Errorf("this is no folder of evidence: %w", err)
	}
	if err := json.Unmarshal(content, &w.index); err != nil {
		return nil, fmt.Errorf("%s: %w", evidence.IndexName, err)
	}
	if w.index.Schema != evidence.Schema {
		return nil, fmt.Errorf("%s has schema %q, want %q", evidence.IndexName, w.index.Schema, evidence.Schema)
	}
	w.now = w.index.Collected
	for _, missing := range w.index.Missing {
		w.Missing = append(w.Missing, missing.Path+": "+missing.Error)
	}
	if err := w.load(); err != nil {
		return nil, err
	}
	w.observe()
	return w.Observations, nil
}

// load reads the objects; texts are read where they are observed.
func (w *world) load() error {
	return fs.WalkDir(w.files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) != ".yaml" || strings.HasPrefix(name, "helm/") {
			return err
		}
		w.whole[name] = true
		if err := w.loadFile(name); err != nil {
			w.Missing = append(w.Missing, fmt.Sprintf("%s: %v", name, err))
		}
		return nil
	})
}

func (w *world) loadFile(name string) error {
	content, err := fs.ReadFile(w.files, name)
	if err != nil {
		return err
	}
	var errs []error
	switch kind := strings.TrimSuffix(path.Base(name), ".yaml"); kind {
	case "nodes":
		errs = append(errs, items(content, &w.nodes))
	case "namespaces":
		errs = append(errs, items(content, &w.namespaces))
	case "leases":
		errs = append(errs, items(content, &w.leases))
	case "mutatingwebhookconfigurations":
		errs = append(errs, items(content, &w.mutating))
	case "validatingwebhookconfigurations":
		errs = append(errs, items(content, &w.validating))
	case "customresourcedefinitions":
		errs = append(errs, items(content, &w.crds))
	case "pods":
		errs = append(errs, items(content, &w.pods))
	case "services":
		errs = append(errs, items(content, &w.services))
	case "endpointslices.discovery.k8s.io":
		errs = append(errs, items(content, &w.slices))
	case "configmaps":
		errs = append(errs, items(content, &w.configmaps))
	case "deployments.apps":
		errs = append(errs, items(content, &w.deployments))
	case "replicasets.apps":
		errs = append(errs, items(content, &w.replicasets))
	case "daemonsets.apps":
		errs = append(errs, items(content, &w.daemonsets))
	case "statefulsets.apps":
		errs = append(errs, items(content, &w.statefuls))
	default:
		var found []map[string]any
		errs = append(errs, items(content, &found))
		for _, object := range found {
			w.others[kind] = append(w.others[kind], unstructured.Unstructured{Object: object})
		}
	}
	return errors.Join(errs...)
}

// items appends the items of a List.
func items[T any](content []byte, into *[]T) error {
	var list struct {
		Items []T `json:"items"`
	}
	if err := yaml.Unmarshal(content, &list); err != nil {
		return err
	}
	*into = append(*into, list.Items...)
	return nil
}

// observe makes records of everything.
func (w *world) observe() {
	w.loadMeshConfigs()
	w.observePods()
	w.observeWorkloads()
	w.observeEvents()
	w.observeNamespaces()
	w.observeWebhooks()
	w.observeServices()
	w.observeGateways()
	w.observeRules()
	w.observeReleases()
	w.observeNodes()
	w.observeMesh()
	w.observeTexts()
	w.markPast()
	w.observeRoutes()
	w.observeProxies()
	w.observeThrottling()
	w.observeConditions()
	w.observeMeshConfigs()
	w.observePolicies()
	w.observeWorkloadPolicies()
	w.observeNearMisses()
	w.observeIssuers()
	w.observeMisses()
	w.observeAnswers()
	w.observeShadows()
	w.observeBlocked()
	w.observeHTTPRoutes()
	w.observeSteps()
	w.observeRouteKinds()
	w.observeHandshakes()
	w.observeForced()
	w.observeExcluded()
	w.observeSelections()
	w.observePeers()
	w.observeLayers()
	w.observeProviders()
	w.observeWasm()
	w.observeInjected()
	w.observeParents()
	w.observeSkew()
	w.observeFilters()
	w.observeIngresses()
	w.observeBundles()
	for _, l := range []struct {
		source, what string
	}{
		{"pod", "pods"}, {"event", "events"}, {"webhook", "webhooks"}, {"service", "services"}, {"gateway", "gateways"},
		{"route", "routes"}, {"rule", "destination rules"}, {"release", "Helm releases"}, {"access", "access log entries"},
		{"stat", "proxy statistics"}, {"sync", "sync states of proxies"}, {"node", "nodes"},
	} {
		w.looked(len(w.records[l.source]), l.what)
	}
	lines := map[string]int{}
	for _, t := range w.texts {
		lines[t.source] += len(t.lines)
	}
	w.looked(lines["log"], "log lines")
	w.looked(lines["fact"], "lines of node facts")
	w.looked(lines[said], "lines that were said")
}

// lines returns the lines of a file; one that is not there has none.
func (w *world) lines(name string) []string {
	content, err := fs.ReadFile(w.files, name)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			w.Missing = append(w.Missing, fmt.Sprintf("%s: %v", name, err))
		}
		return nil
	}
	return slices.DeleteFunc(strings.Split(string(content), "\n"), func(l string) bool { return strings.TrimSpace(l) == "" })
}

// glob returns the names of files that match.
func (w *world) glob(pattern string) []string {
	// The patterns are constants: they cannot be malformed.
	names, _ := fs.Glob(w.files, pattern)
	return names
}

// listed says whether the objects of a kind in a namespace are all known.
func (w *world) listed(namespace, kind string) bool {
	return w.whole[path.Join("namespaces", namespace, kind+".yaml")]
}

// unread says whether objects of a kind could not be listed, in the namespaces or, where
// none is named, in any: then that there is none is not known.
func (w *world) unread(kind string, namespaces ...string) bool {
	return slices.ContainsFunc(w.index.Missing, func(m evidence.Entry) bool {
		ns := path.Base(path.Dir(m.Path))
		return path.Base(m.Path) == kind+".yaml" && (len(namespaces) == 0 || slices.Contains(namespaces, ns))
	})
}

func fileOf(namespace, kind string) string {
	return path.Join("namespaces", namespace, kind+".yaml")
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func id(namespace, name string) string { return namespace + "/" + name }
