package installation

import (
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/mesh/istio"
)

// proxied is a ready pod whose proxy has a version, as a container or as a native
// sidecar.
func proxied(name, version string, native bool) corev1.Pod {
	proxy := corev1.Container{Name: "istio-proxy", Image: "hub:5000/proxyv2:" + version}
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:9"}}}}
	if native {
		p.Spec.InitContainers = append(p.Spec.InitContainers, proxy)
	} else {
		p.Spec.Containers = append(p.Spec.Containers, proxy)
	}
	return p
}

func TestCommonVersion(t *testing.T) {
	for _, tt := range []struct {
		name      string
		pods      []corev1.Pod
		connected []string
		of        map[string]string
		want      string
		says      string
	}{
		{"all of one", []corev1.Pod{proxied("a", "1.31.0", true), proxied("b", "1.31.0", false)}, []string{"a.n", "b.n"}, map[string]string{"a.n": "1.31.0", "b.n": "1.31.0"}, "1.31.0", ""},
		{"two versions", []corev1.Pod{proxied("a", "1.30.0", true), proxied("b", "1.31.0", true)}, []string{"a.n", "b.n"}, map[string]string{"a.n": "1.30.0", "b.n": "1.31.0"}, "1.30.0 and 1.31.0", ""},
		{"none", nil, nil, nil, "", "no pod with a proxy is ready in namespace n"},
		{"not connected", []corev1.Pod{proxied("a", "1.31.0", true)}, nil, nil, "", "connected to no control plane"},
		{"another program", []corev1.Pod{proxied("a", "1.31.0", true)}, []string{"a.n"}, map[string]string{"a.n": "1.30.0"}, "", "says that it is Istio 1.30.0, its image 1.31.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			connected := map[string]bool{}
			for _, id := range tt.connected {
				connected[id] = true
			}
			got, err := commonVersion("n", tt.pods, connected, tt.of)
			if tt.says != "" {
				g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(tt.says)))
				return
			}
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(got).To(gomega.Equal(tt.want))
		})
	}
}

func TestJudgeProxy(t *testing.T) {
	table, err := istio.Load()
	if err != nil {
		t.Fatal(err)
	}
	synced := map[string]istio.ResourceStatus{
		"type.googleapis.com/envoy.config.cluster.v3.Cluster":   {Sent: "1", Acked: "1"},
		"type.googleapis.com/envoy.config.listener.v3.Listener": {Sent: "1", Acked: "1"},
	}
	for _, tt := range []struct {
		plane, proxy string
		resources    map[string]istio.ResourceStatus
		says         string
	}{
		{"1.31.0", "1.30.0", synced, ""},
		{"1.30.0", "1.31.0", synced, "ahead of its control plane"},
		{"1.31.0", "1.31.0", nil, "is not SYNCED"},
		{"1.31.0", "", synced, "version of the proxy of pod p.n"},
	} {
		err := judgeProxy(table, tt.plane, &istio.ProxyStatus{ID: "p.n", Type: "router", IstioVersion: tt.proxy, Resources: tt.resources})
		if tt.says == "" {
			gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
			continue
		}
		gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(tt.says)))
	}
}

func TestJudgeCRD(t *testing.T) {
	want := &istio.CRD{Name: "x", Versions: []istio.CRDVersion{{Name: "v1", Served: true, Storage: true}, {Name: "v1beta1", Served: true}}}
	good := func() *apiextensionsv1.CustomResourceDefinition {
		crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "x"}}
		crd.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true, Storage: true}, {Name: "v1beta1", Served: true}}
		crd.Status.Conditions = []apiextensionsv1.CustomResourceDefinitionCondition{{Type: apiextensionsv1.Established, Status: apiextensionsv1.ConditionTrue}}
		crd.Status.StoredVersions = []string{"v1beta1", "v1"}
		return crd
	}
	for _, tt := range []struct {
		name  string
		spoil func(*apiextensionsv1.CustomResourceDefinition)
		says  string
	}{
		{"good", func(*apiextensionsv1.CustomResourceDefinition) {}, ""},
		{"not established", func(c *apiextensionsv1.CustomResourceDefinition) { c.Status.Conditions = nil }, "not Established"},
		{"a version is missing", func(c *apiextensionsv1.CustomResourceDefinition) { c.Spec.Versions = c.Spec.Versions[:1] }, "has no version v1beta1"},
		{"not served", func(c *apiextensionsv1.CustomResourceDefinition) { c.Spec.Versions[1].Served = false }, "served false, its chart says true"},
		{"stored and gone", func(c *apiextensionsv1.CustomResourceDefinition) {
			c.Status.StoredVersions = append(c.Status.StoredVersions, "v1alpha3")
		}, "stored at v1alpha3, which is not served"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			crd := good()
			tt.spoil(crd)
			err := judgeCRD(want, crd)
			if tt.says == "" {
				gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
				return
			}
			gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(tt.says)))
		})
	}
}

func TestServes(t *testing.T) {
	g := gomega.NewWithT(t)
	crd := apiextensionsv1.CustomResourceDefinition{}
	crd.Spec.Group, crd.Spec.Names.Kind = "security.istio.io", "AuthorizationPolicy"
	crd.Spec.Versions = []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v1", Served: true}, {Name: "v1beta1"}}
	crds := []apiextensionsv1.CustomResourceDefinition{crd}
	noted := istio.NotedCRD{Kind: "AuthorizationPolicy", Group: "security.istio.io", Version: "v1"}
	g.Expect(serves(crds, noted)).To(gomega.BeTrue())
	noted.Version = "v1beta1"
	g.Expect(serves(crds, noted)).To(gomega.BeFalse(), "there, and not served")
	noted.Version, noted.Kind = "v1", "PeerAuthentication"
	g.Expect(serves(crds, noted)).To(gomega.BeFalse(), "another kind")
}
