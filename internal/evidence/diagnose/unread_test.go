package diagnose

import (
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence"
)

// What could not be listed is not absent: of a slow API server half of the lists come.
func TestWhatCouldNotBeListedIsNotAbsent(t *testing.T) {
	const gateway = `{"kind":"List","items":[{"apiVersion":"networking.istio.io/v1","kind":"Gateway","metadata":{"name":"web","namespace":"shop"},"spec":{"selector":{"istio":"gateway"},"servers":[{"port":{"number":80,"name":"http","protocol":"HTTP"},"hosts":["*"]}]}}]}`
	const route = `{"kind":"List","items":[{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"v","namespace":"shop"},"spec":{"hosts":["a.example"],"gateways":["other"],"http":[{"route":[{"destination":{"host":"out.example"}}]}]}}]}`
	for missing, symptoms := range map[string][]string{
		"":                                   {"gateway-selector-mismatch", "virtualservice-gateway-missing"},
		"namespaces/istio-ingress/pods.yaml": {"virtualservice-gateway-missing"},
		"namespaces/shop/gateways.networking.istio.io.yaml": {},
	} {
		g := gomega.NewWithT(t)
		index := evidence.Index{Schema: evidence.Schema, Collected: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}
		files := fstest.MapFS{
			"namespaces/shop/services.yaml":                            {Data: []byte("items: []\n")},
			"namespaces/shop/virtualservices.networking.istio.io.yaml": {Data: []byte(route)},
		}
		if missing != "" {
			index.Missing = []evidence.Entry{{Path: missing, Error: "context deadline exceeded"}}
		}
		if missing != "namespaces/shop/gateways.networking.istio.io.yaml" {
			files["namespaces/shop/gateways.networking.istio.io.yaml"] = &fstest.MapFile{Data: []byte(gateway)}
		}
		content, err := json.Marshal(index)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		files[evidence.IndexName] = &fstest.MapFile{Data: content}
		catalogue, err := Load()
		g.Expect(err).NotTo(gomega.HaveOccurred())
		d, err := catalogue.Diagnose(files)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(faultNames(d)).To(gomega.ConsistOf(symptoms), "without %q: %s", missing, d)
	}
}

// faultNames are the faults that were found, but those about where routes lead.
func faultNames(d *Diagnosis) []string {
	names := []string{}
	for i := range d.Findings {
		if s := d.Findings[i].Symptom; s.Severity == Fault && s.Name != "route-host-missing" {
			names = append(names, s.Name)
		}
	}
	return names
}
