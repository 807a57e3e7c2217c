package capture

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/client-go/rest"

	"istio-conformance/internal/cluster"
)

// api is an API server that answers lists, page by page.
type api struct {
	// lists are the items by path, such as "/api/v1/pods"; a kind without one is forbidden.
	lists map[string][]any
	pages int
}

var resources = map[string][][2]string{
	"/api/v1":                               {{"namespaces", "Namespace"}, {"services", "Service"}, {"secrets", "Secret"}, {"configmaps", "ConfigMap"}, {"pods", "Pod"}},
	"/apis/networking.istio.io/v1":          {{"virtualservices", "VirtualService"}, {"gateways", "Gateway"}},
	"/apis/networking.istio.io/v1alpha3":    {{"envoyfilters", "EnvoyFilter"}},
	"/apis/extensions.istio.io/v1alpha1":    {{"wasmplugins", "WasmPlugin"}},
	"/apis/security.istio.io/v1":            {{"requestauthentications", "RequestAuthentication"}, {"authorizationpolicies", "AuthorizationPolicy"}},
	"/apis/apps/v1":                         {{"deployments", "Deployment"}},
	"/apis/gateway.networking.k8s.io/v1":    {{"httproutes", "HTTPRoute"}},
	"/apis/apiextensions.k8s.io/v1":         {{"customresourcedefinitions", "CustomResourceDefinition"}},
	"/apis/admissionregistration.k8s.io/v1": {{"validatingwebhookconfigurations", "ValidatingWebhookConfiguration"}},
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var answer any
	switch {
	case r.URL.Path == "/version":
		answer = map[string]any{"gitVersion": "v1.36.3"}
	case r.URL.Path == "/api":
		answer = map[string]any{"kind": "APIVersions", "versions": []string{"v1"}}
	case r.URL.Path == "/apis":
		versions := map[string][]any{}
		for path := range resources {
			if group, found := strings.CutPrefix(path, "/apis/"); found {
				name, _, _ := strings.Cut(group, "/")
				versions[name] = append(versions[name], map[string]any{"groupVersion": group, "version": filepath.Base(group)})
			}
		}
		var groups []any
		for name, all := range versions {
			groups = append(groups, map[string]any{"name": name, "versions": all, "preferredVersion": all[0]})
		}
		answer = map[string]any{"kind": "APIGroupList", "groups": groups}
	case resources[r.URL.Path] != nil:
		var list []any
		for _, names := range resources[r.URL.Path] {
			list = append(list, map[string]any{"name": names[0], "kind": names[1], "namespaced": true, "verbs": []string{"list"}})
		}
		gv := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/apis/"), "/api/")
		answer = map[string]any{"kind": "APIResourceList", "groupVersion": gv, "resources": list}
	default:
		answer = a.list(w, r)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (a *api) list(w http.ResponseWriter, r *http.Request) any {
	items, ok := a.lists[r.URL.Path]
	if !ok {
		w.WriteHeader(http.StatusForbidden)
		return map[string]any{"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "may not list " + r.URL.Path}
	}
	a.pages++
	begin, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	end, meta := len(items), map[string]any{}
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && begin+limit < end {
		end = begin + limit
		meta["continue"] = strconv.Itoa(end)
	}
	dir, plural := filepath.Split(r.URL.Path)
	kind := ""
	for _, names := range resources[strings.TrimSuffix(dir, "/")] {
		if names[0] == plural {
			kind = names[1]
		}
	}
	gv := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(dir, "/apis/"), "/api/"), "/")
	return map[string]any{"kind": kind + "List", "apiVersion": gv, "metadata": meta, "items": items[begin:end]}
}

// take captures what the API server has.
func take(t *testing.T, a *api, helm Lister) *Mesh {
	t.Helper()
	g := gomega.NewWithT(t)
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	clients, err := cluster.NewClients(&rest.Config{Host: server.URL})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	m, err := FromCluster(t.Context(), clients, helm)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return m
}

type releases []*release.Release

func (r releases) List(context.Context, string) ([]*release.Release, error) { return r, nil }

func object(name string, more map[string]any) map[string]any {
	o := map[string]any{"metadata": map[string]any{"name": name, "namespace": "shop"}}
	for key, value := range more {
		if key == "annotations" {
			o["metadata"].(map[string]any)[key] = value
			continue
		}
		o[key] = value
	}
	return o
}

const planted = "Pl4nted-S3cret-Value"

func TestNoPlantedSecretIsInTheArchive(t *testing.T) {
	g := gomega.NewWithT(t)
	key := "-----BEGIN PRIVATE KEY-----\n" + planted + "\n-----END PRIVATE KEY-----\n"
	spec := func(v map[string]any) map[string]any { return map[string]any{"spec": v} }
	a := &api{lists: map[string][]any{
		"/api/v1/namespaces": {}, "/api/v1/configmaps": {
			object("istio", map[string]any{"data": map[string]any{"mesh": "defaultConfig:\n  tracing:\n    lightstep:\n      accessToken: " + planted + "\n"}}),
			object("settings", map[string]any{"data": map[string]any{"x": planted}}),
		},
		"/api/v1/services": {object("web", map[string]any{
			"annotations": map[string]any{"note": planted, "networking.istio.io/x": "https://user:" + planted + "@host/"}, "spec": map[string]any{"ports": []any{}},
		})},
		"/api/v1/secrets": {object("tls", map[string]any{"type": "Opaque", "data": map[string]any{
			"tls.key": base64.StdEncoding.EncodeToString([]byte(key)), "tls.crt": base64.StdEncoding.EncodeToString([]byte(certificate)),
		}})},
		"/api/v1/pods": {object("web-1", map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
			"name": "web", "image": "web:1", "args": []any{"--db=" + planted}, "env": []any{map[string]any{"name": "HARMLESS", "value": planted}},
		}}}})},
		"/apis/networking.istio.io/v1/virtualservices": {object("web", map[string]any{
			"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": planted},
			"spec": map[string]any{"http": []any{map[string]any{
				"headers": map[string]any{"request": map[string]any{"set": map[string]any{"authorization": "Basic " + planted, "x-api-key": planted}}},
				"match":   []any{map[string]any{"headers": map[string]any{"x-token": map[string]any{"exact": planted}, "cookie": map[string]any{"regex": "user=jason"}}}},
			}}},
		})},
		"/apis/networking.istio.io/v1alpha3/envoyfilters": {object("lua", spec(map[string]any{"configPatches": []any{map[string]any{"patch": map[string]any{"value": map[string]any{
			"inline_code":    "local token = \"" + planted + "\"\nrequest_handle:headers():add(\"x-api-key\", \"" + planted + "\")\n",
			"generic_secret": map[string]any{"secret": map[string]any{"inline_string": planted}},
			"header":         map[string]any{"key": "X-Auth-Token", "value": planted},
		}}}}}))},
		"/apis/extensions.istio.io/v1alpha1/wasmplugins": {object("w", spec(map[string]any{"pluginConfig": map[string]any{"client_secret": planted}, "imagePullSecret": "pull"}))},
		"/apis/security.istio.io/v1/requestauthentications": {object("jwt", spec(map[string]any{"jwtRules": []any{map[string]any{
			"issuer": "https://issuer.example", "jwks": `{"keys":[{"kty":"oct","k":"` + planted + `"}]}`,
		}}}))},
		"/apis/security.istio.io/v1/authorizationpolicies": {object("ap", spec(map[string]any{"rules": []any{map[string]any{"when": []any{map[string]any{
			"key": "request.headers[x-token]", "values": []any{planted},
		}}}}}))},
	}}
	helm := releases{{
		Name: "istiod", Namespace: "istio-system", Chart: &chart.Chart{Metadata: &chart.Metadata{Name: "istiod", Version: "1.30.0", Sources: []string{"https://github.com/istio/istio"}}},
		Config: map[string]any{
			"pilot": map[string]any{"env": map[string]any{"DB_PASSWORD": planted, "URL": "redis://x:" + planted + "@r/"}, "envVarFrom": []any{map[string]any{"name": "API_TOKEN", "value": planted}}},
			"ca":    key, "global": map[string]any{"imagePullSecrets": []any{"pull"}},
		},
	}, {Name: "app", Namespace: "shop", Chart: &chart.Chart{Metadata: &chart.Metadata{Name: "app"}}, Config: map[string]any{"x": planted}}}
	m := take(t, a, helm)
	dir := filepath.Join(t.TempDir(), "mesh")
	g.Expect(m.Write(dir)).To(gomega.Succeed())
	var all strings.Builder
	g.Expect(filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if strings.Contains(string(content), planted) {
			t.Errorf("%s has the secret:\n%s", path, content)
		}
		all.Write(content)
		return err
	})).To(gomega.Succeed())
	for _, kept := range []string{"user=jason", "imagePullSecret: pull", "issuer.example", "names:", "key: ECDSA", "inline_code", "may not list"} {
		g.Expect(all.String()).To(gomega.ContainSubstring(kept), "what is no secret stays")
	}
	_, err := Read(dir)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(m.Index.Missing).To(gomega.ContainElement(gomega.ContainSubstring("gateways.networking.istio.io: ")))
}

func TestALargeMeshIsReadPageByPage(t *testing.T) {
	g := gomega.NewWithT(t)
	var routes, pods []any
	for i := range 4000 {
		routes = append(routes, object(fmt.Sprintf("r%04d", i), map[string]any{"spec": map[string]any{"hosts": []any{fmt.Sprintf("h%d", i)}}}))
	}
	for i := range 1000 {
		pods = append(pods, object(fmt.Sprintf("p%04d", i), map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "image": "i"}}}}))
		pods[i].(map[string]any)["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{"kind": "StatefulSet", "name": "s"}}
	}
	a := &api{lists: map[string][]any{"/apis/networking.istio.io/v1/virtualservices": routes, "/api/v1/pods": pods}}
	began := time.Now()
	m := take(t, a, releases{})
	g.Expect(m.Of("VirtualService")).To(gomega.HaveLen(4000))
	g.Expect(m.Workloads).To(gomega.HaveLen(1))
	g.Expect(m.Workloads[0].Pods).To(gomega.Equal(1000))
	g.Expect(a.pages).To(gomega.Equal(10), "eight of routes, two of pods")
	g.Expect(m.Write(filepath.Join(t.TempDir(), "mesh.tar.gz"))).To(gomega.Succeed())
	t.Logf("5000 objects in %s", time.Since(began))
}

// certificate is public.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBJzCBzqADAgECAgEBMAoGCCqGSM49BAMCMA8xDTALBgNVBAMTBHNob3AwHhcN
MjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAwWjAPMQ0wCwYDVQQDEwRzaG9wMFkw
EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1hF3m1/ON2gZHluJPcp17N7vqbbej1lH
7MKV1WWlbeUMhfBut2Pwvxcowkwfwm/j5oXf7Ip2OgIGoUKR0F7P+aMbMBkwFwYD
VR0RBBAwDoIMc2hvcC5leGFtcGxlMAoGCCqGSM49BAMCA0gAMEUCICgkeBopTcaU
m3k4tZhiBC5cM/2wGdfZJLqw02ljJNVUAiEAvabTVP8c4qFXOr5p2FCp5PwFHLxM
C6fnsX9h3e/ifEw=
-----END CERTIFICATE-----
`
