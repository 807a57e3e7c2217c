package upgrade

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
	"istio-conformance/suites/upgrade/installation"
)

// spoiled is a chart of the new version that is broken on purpose: the upgrade to
// it must be refused, for the reason that it gives.
type spoiled struct {
	name, promise string
	chart         string
	// journey is the one that is made; empty means in-place.
	journey string
	// both breaks the old version's chart too.
	both bool
	// values are laid over the release's.
	values map[string]any
	// edit changes the files of the chart; nil changes none.
	edit func(file string, content []byte) ([]byte, error)
	// step is where the journey must end, and says what the reason must say.
	step, says string
	// mend removes what the next journey could not.
	mend func(ctx context.Context, m *installation.Mesh) error

	path string // of the edited chart
}

// breaks are all of them.
func breaks() []*spoiled {
	return []*spoiled{
		{
			name: "wrong-webhook-ca", promise: "an injection webhook that trusts another CA, and that istiod does not mend, ends the upgrade",
			chart: "istiod", edit: orphanWebhook, step: legForward + " istiod", says: "its caBundle is not the mesh's root certificate",
			values: map[string]any{"istiodRemote": map[string]any{"injectionCABundle": base64.StdEncoding.EncodeToString([]byte("not the mesh's root"))}},
		},
		{
			name: "crd-version-removed", promise: "a chart base that lost a version of a CRD which users' resources name ends the upgrade",
			chart: "base", edit: func(file string, content []byte) ([]byte, error) {
				return withoutVersion(file, content, "authorizationpolicies.security.istio.io", "v1beta1")
			},
			step: legForward + " base", says: "AuthorizationPolicy is not served at security.istio.io/v1beta1",
		},
		{
			name: "stored-crd-version-removed", promise: "a chart base that lost the version in which resources are stored is refused by the API server, and the reason is passed on",
			chart: "base", edit: func(file string, content []byte) ([]byte, error) {
				return withoutVersion(file, content, "envoyfilters.networking.istio.io", "v1alpha3")
			},
			step: legForward + " base", says: "envoyfilters.networking.istio.io",
		},
		{
			name: "never-drains", promise: "a gateway pod that never ends after it was replaced ends the upgrade",
			chart: "gateway", both: true,
			values: map[string]any{"terminationGracePeriodSeconds": 3600, "lifecycle": map[string]any{"preStop": map[string]any{"sleep": map[string]any{"seconds": 3600}}}},
			step:   legForward + " gateway", says: "is still draining", mend: endPods,
		},
		{
			name: "managed-gateway-left-behind", promise: "an istiod of the new version that deploys no gateways ends the upgrade: no gateway follows it on the way back",
			// Not on the way forward: the old istiod, while it is still there, reads the new
			// chart's injector, and gives the gateway the new proxy.
			chart: "istiod", journey: "managed-gateway", step: legRollback + " workloads", says: "istiod has given Deployment",
			values: map[string]any{"pilot": map[string]any{"env": map[string]any{"PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER": "false"}}},
		},
		{
			name: "gateway-not-ready", promise: "a gateway of the new version that does not become ready ends the upgrade, and the old one keeps serving",
			chart: "gateway", values: map[string]any{"readinessProbe": map[string]any{"httpGet": map[string]any{"path": "/never", "port": 15021}}},
			step: legForward + " gateway", says: "not ready after",
			// helm upgrade compares with the last revision that was deployed, and so leaves
			// in place what only the failed one said; helm rollback takes it away.
			mend: func(ctx context.Context, m *installation.Mesh) error {
				return m.Previous(ctx, "gateway", m.Stack.FromCell.Istio)
			},
		},
	}
}

// mendTimeout bounds the way back from what was broken.
const mendTimeout = 3 * time.Minute

// Breaks returns a check for each way to break the new version: the upgrade to it
// must fail where and because it is broken.
func Breaks(s *stack.Stack, o Options) check.Suite {
	suite := check.Suite{Name: "upgrade", Checks: []check.Check{path(s, o), from(s, o)}}
	for _, b := range breaks() {
		suite.Checks = append(suite.Checks, check.Check{
			Name: b.name, Promise: b.promise, Feature: "upgrade", Timeout: journeyTimeout,
			Run: func(ctx context.Context, t *check.T) {
				if b.edit != nil {
					b.path = mutation.ChangeChart(t, s.Images.Charts[b.chart], func(c *chart.Chart) { t.Expect(b.spoil(c)).To(gomega.Succeed()) })
				}
				r := &run{Options: o, say: t.Say, stack: s, journey: b.of(), layer: o.Values[0], repetition: 1, spoiled: b}
				u := r.travel(ctx)
				if b.mend != nil {
					t.CleanupWithin(ctx, mendTimeout, func(ctx context.Context) {
						t.Expect(b.mend(ctx, r.mesh)).To(gomega.Succeed())
					})
				}
				t.Observe("%s", describe(&u))
				for _, reason := range u.Reasons {
					t.Observe("%s", reason)
				}
				t.Expect(u.Verdict).To(gomega.Equal(report.VerdictFail), "the upgrade to a broken chart")
				t.Expect(u.Reasons[0]).To(gomega.HavePrefix(b.step), "where the upgrade ended")
				t.Expect(u.Reasons[0]).To(gomega.ContainSubstring(b.says), "why the upgrade ended")
			},
		})
	}
	suite.Checks = append(suite.Checks, slowerGateway(s, o))
	return suite
}

// of is the journey that the break ends.
func (b *spoiled) of() journey {
	all := journeys()
	return all[max(0, slices.IndexFunc(all, func(j journey) bool { return j.name == b.journey }))]
}

// Apply breaks a release that is about to be installed.
func (b *spoiled) apply(chart string, isNew bool, r charts.Release) charts.Release {
	if chart != b.chart || !isNew && !b.both {
		return r
	}
	r.Values = charts.Values(r.Values, b.values)
	if b.path != "" {
		r.Chart = b.path
	}
	// What is broken need not be waited for as long as what is slow.
	r.Timeout = time.Minute
	return r
}

// spoil edits the files of a chart, of which it must change one.
func (b *spoiled) spoil(c *chart.Chart) error {
	edited := 0
	for _, file := range slices.Concat(c.Templates, c.Files) {
		content, err := b.edit(file.Name, file.Data)
		if err != nil {
			return fmt.Errorf("chart %s, file %s: %w", b.chart, file.Name, err)
		}
		if !bytes.Equal(content, file.Data) {
			edited++
			file.Data = content
		}
	}
	if edited == 0 {
		return fmt.Errorf("chart %s: there is nothing to break in it", b.chart)
	}
	return nil
}

// orphanWebhook makes the injection webhook belong to a revision that no istiod
// has: none will give it its certificate.
func orphanWebhook(file string, content []byte) ([]byte, error) {
	if filepath.Base(file) != "mutatingwebhook.yaml" {
		return content, nil
	}
	label := []byte(`    istio.io/rev: {{ .Values.revision | default "default" | quote }}`)
	return bytes.Replace(content, label, []byte(`    istio.io/rev: nobody`), 1), nil
}

// withoutVersion removes a version of a CRD from the file that has it.
func withoutVersion(file string, content []byte, crd, version string) ([]byte, error) {
	if !strings.HasPrefix(filepath.Base(file), "crd-all") {
		return content, nil
	}
	documents := strings.Split(string(content), "\n---\n")
	for i, document := range documents {
		if !strings.Contains(document, "name: "+crd) {
			continue
		}
		var object apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			return nil, err
		}
		object.Spec.Versions = slices.DeleteFunc(object.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool { return v.Name == version })
		if len(object.Spec.Versions) == 0 { // a CRD must have one: the same under another name
			if err := yaml.Unmarshal([]byte(strings.ReplaceAll(document, "name: "+version, "name: "+version+"0")), &object); err != nil {
				return nil, err
			}
		}
		edited, err := yaml.Marshal(object)
		if err != nil {
			return nil, err
		}
		documents[i] = string(edited)
	}
	return []byte(strings.Join(documents, "\n---\n")), nil
}

// endPods gives the gateway pods that do end, and ends those that would not: as long
// as the release makes such pods, the next change would wait for one again.
func endPods(ctx context.Context, m *installation.Mesh) error {
	m.Spoil = nil
	if err := m.Apply(ctx, "gateway", m.Stack.FromCell.Istio, nil); err != nil {
		return err
	}
	pods, err := m.Stack.Pods(ctx, m.Stack.Gateway.Namespace, "")
	if err != nil {
		return err
	}
	for i := range pods {
		if pods[i].DeletionTimestamp == nil {
			continue
		}
		if err := m.Stack.Client.Delete(ctx, &pods[i], client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}
