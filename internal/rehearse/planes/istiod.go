package planes

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
)

// Istiod is one istiod.
type Istiod struct {
	Version string
	// XDS and debug are host:port of its plain xDS and HTTP ports.
	XDS          string
	debug, admit string
	http         *http.Client
	process      *process
}

// settings are what the chart gives istiod: its environment and the files it mounts.
type settings struct {
	env   []string
	files map[string]string
}

// StartIstiod starts istiod as the chart would with the release's values: with its
// environment, mesh configuration and injection templates.
func StartIstiod(ctx context.Context, program, version, dir string, api *API, release charts.Release, kubernetes string) (*Istiod, error) {
	manifest, err := charts.Render(ctx, release, kubernetes)
	if err != nil {
		return nil, err
	}
	set, err := read(manifest, release.Namespace)
	if err != nil {
		return nil, fmt.Errorf("chart istiod %s: %w", version, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for name, content := range set.files {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(content), 0o600)); err != nil {
			return nil, err
		}
	}
	ports, err := freePorts(ctx, 5)
	if err != nil {
		return nil, fmt.Errorf("ports for istiod: %w", err)
	}
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	i := &Istiod{Version: version, XDS: at(0), debug: at(1), admit: at(2), http: &http.Client{
		// Its certificate is its own, made a moment ago.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: time.Minute,
	}}
	i.process, err = start(ctx, "istiod", dir, set.env, program, "discovery", "--kubeconfig="+api.Kubeconfig,
		"--grpcAddr="+i.XDS, "--httpAddr="+i.debug, "--httpsAddr="+i.admit, "--secureGRPCAddr="+at(3), "--monitoringAddr="+at(4),
		"--kubernetesApiQPS=1000", "--kubernetesApiBurst=2000", "--domain=cluster.local")
	if err != nil {
		return nil, err
	}
	err = i.process.ready(ctx, func(ctx context.Context) error {
		_, err := i.get(ctx, "/ready")
		return err
	})
	if err != nil {
		i.Stop()
		return nil, fmt.Errorf("istiod %s: %w", version, err)
	}
	return i, nil
}

// Stop ends istiod.
func (i *Istiod) Stop() { i.process.stop() }

// Log is the path of what istiod wrote.
func (i *Istiod) Log() string { return i.process.log }

// read takes istiod's settings out of the rendered chart.
func read(manifest, namespace string) (*settings, error) {
	objects, err := kube.Decode(strings.NewReader(manifest))
	if err != nil {
		return nil, err
	}
	set := &settings{files: map[string]string{}}
	for _, o := range objects {
		switch {
		case o.GetKind() == "Deployment" && strings.HasPrefix(o.GetName(), "istiod"):
			var d appsv1.Deployment
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &d); err != nil {
				return nil, err
			}
			for _, c := range d.Spec.Template.Spec.Containers {
				for _, v := range c.Env {
					if v.ValueFrom == nil && v.Name != "KUBECONFIG" {
						set.env = append(set.env, v.Name+"="+v.Value)
					}
				}
			}
		case o.GetKind() == "ConfigMap" && strings.HasPrefix(o.GetName(), "istio-sidecar-injector"):
			for _, key := range []string{"config", "values"} {
				set.take(o, key, filepath.Join("var/lib/istio/inject", key))
			}
		case o.GetKind() == "ConfigMap" && (o.GetName() == "istio" || strings.HasPrefix(o.GetName(), "istio-")):
			for _, key := range []string{"mesh", "meshNetworks"} {
				set.take(o, key, filepath.Join("etc/istio/config", key))
			}
		}
	}
	if len(set.env) == 0 || set.files["etc/istio/config/mesh"] == "" {
		return nil, errors.New("it renders no Deployment istiod, or no ConfigMap with the mesh's configuration")
	}
	set.env = append(set.env, "POD_NAME=istiod-rehearsal", "POD_NAMESPACE="+namespace, "SERVICE_ACCOUNT=istiod")
	return set, nil
}

func (s *settings) take(o *unstructured.Unstructured, key, file string) {
	if content, found, err := unstructured.NestedString(o.Object, "data", key); found && err == nil && s.files[file] == "" {
		s.files[file] = content
	}
}

// get asks istiod's own HTTP port.
func (i *Istiod) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.debug+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return i.do(request)
}

func (i *Istiod) do(request *http.Request) (_ []byte, err error) {
	response, err := i.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("istiod answers %s to %s: %s", response.Status, request.URL.Path, bytes.TrimSpace(content))
	}
	return content, nil
}

// Dump returns what istiod sends a proxy that is connected: resources of the types cds,
// lds, rds and eds that it has subscribed to.
func (i *Istiod) Dump(ctx context.Context, proxy string, types ...string) ([]map[string]any, error) {
	content, err := i.get(ctx, "/debug/config_dump?proxyID="+proxy+"&types="+strings.Join(types, ","))
	if err != nil {
		return nil, err
	}
	var dump struct {
		Configs []map[string]any `json:"configs"`
	}
	if err := json.Unmarshal(content, &dump); err != nil {
		return nil, fmt.Errorf("what istiod %s sends %s: %w", i.Version, proxy, err)
	}
	return dump.Configs, nil
}

// Refuses asks istiod's validating webhook about an object, and returns why it refuses
// it, or nothing.
func (i *Istiod) Refuses(ctx context.Context, object *unstructured.Unstructured) (why string, err error) {
	raw, err := object.MarshalJSON()
	if err != nil {
		return "", err
	}
	gvk := object.GroupVersionKind()
	review := admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "rehearsal", Kind: metav1.GroupVersionKind{Group: gvk.Group, Version: gvk.Version, Kind: gvk.Kind},
			Name: object.GetName(), Namespace: object.GetNamespace(), Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: raw},
		},
	}
	body, err := json.Marshal(review)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+i.admit+"/validate", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := i.do(request)
	if err != nil {
		return "", err
	}
	var said admissionv1.AdmissionReview
	if err := json.Unmarshal(answer, &said); err != nil || said.Response == nil {
		return "", fmt.Errorf("istiod's webhook does not answer with a review: %w", errors.Join(err, errors.New(string(answer))))
	}
	if said.Response.Allowed || said.Response.Result == nil {
		return "", nil
	}
	return strings.Join(strings.Fields(said.Response.Result.Message), " "), nil
}

// validated are the API groups whose objects istiod's webhook is asked about.
var validated = []string{"networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io"}

// Validates says whether istiod's webhook is asked about a group's objects.
func Validates(group string) bool { return slices.Contains(validated, group) }
