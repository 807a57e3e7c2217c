package diagnose

import (
	"errors"
	"os"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/process/exitcode"
)

// hear judges what a tool said, without a cluster.
func hear(t *testing.T, said string) *Diagnosis {
	t.Helper()
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	_, err := evidence.OnlySaid(dir, said, errors.New("no kubeconfig"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	catalogue, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	d, err := catalogue.Diagnose(os.DirFS(dir))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return d
}

func TestWhatAToolSaid(t *testing.T) {
	const conflict = "Error: UPGRADE FAILED: conflict occurred while applying object istio-ingress/istio-ingressgateway apps/v1, Kind=Deployment: Apply failed with 1 conflict: "
	cases := []struct {
		name, said string
		status     int
		// says are parts of the answer, never of what must not be in it.
		says, never []string
	}{
		{"a conflict with an autoscaler names it and warns of force", conflict + `conflict with "kube-controller-manager" with subresource "scale" using apps/v1: .spec.replicas`, exitcode.Fail,
			[]string{"kube-controller-manager sets .spec.replicas", "would scale the Deployment back"}, []string{"webhook", "unknown"}},
		{"a conflict with somebody unheard of names the owner", conflict + `conflict with "acme-agent" using apps/v1: .spec.template.spec.dnsPolicy`, exitcode.Fail,
			[]string{"a field that acme-agent owns"}, []string{"webhook", "1.28"}},
		{"conflicts over several lines", conflict + "conflicts with \"acme-agent\" using apps/v1:\n- .spec.paused\n- .spec.minReadySeconds", exitcode.Fail, []string{"acme-agent owns"}, []string{"unknown"}},
		{"an old release is no missing CRD", `Error: UPGRADE FAILED: unable to build kubernetes objects from current release manifest: resource mapping not found for name: "istiod" namespace: "istio-system" from "": no matches for kind "PodDisruptionBudget" in version "policy/v1beta1"` + "\nensure CRDs are installed first",
			exitcode.Fail, []string{"PodDisruptionBudget policy/v1beta1", "mapkubeapis"}, []string{"install chart base"}},
		{"a wait that ended names no cause that nobody saw", "Error: INSTALLATION FAILED: context deadline exceeded", exitcode.Fail, []string{"neither which nor why"}, nil},
		{"a wait that ended follows from a cause that was said", "Error: INSTALLATION FAILED: context deadline exceeded\npods \"istiod-1\" is forbidden: exceeded quota: mesh, requested: requests.memory=2Gi", exitcode.Fail,
			[]string{"ResourceQuota mesh", "follows from quota-exceeded-said"}, nil},
		{"an error that nobody knows is unknown, and no success", "Error: the flux capacitor failed", exitcode.Fail, []string{"unknown", "flux capacitor"}, []string{"cause:"}},
		{"no error is no fault, and no proof of health either", "Release \"istiod\" has been upgraded. Happy Helming!", exitcode.Invalid, []string{"unknown"}, []string{"cause:"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			d := hear(t, c.said)
			for _, part := range c.says {
				g.Expect(d.String()).To(gomega.ContainSubstring(part))
			}
			for _, part := range c.never {
				g.Expect(d.String()).NotTo(gomega.ContainSubstring(part))
			}
			g.Expect(exitcode.Of(d.Err())).To(gomega.Equal(c.status))
		})
	}
}
