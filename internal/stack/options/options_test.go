package options

import (
	"flag"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func parse(t *testing.T, environment map[string]string, args ...string) (*Options, error) {
	t.Helper()
	t.Setenv("ISTIO_CONFORMANCE_CACHE", t.TempDir())
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	o := Register(flags, func(name string) string { return environment[name] })
	gomega.NewWithT(t).Expect(flags.Parse(args)).To(gomega.Succeed())
	return o, o.Complete()
}

func TestAFlagWinsOverItsVariable(t *testing.T) {
	g := gomega.NewWithT(t)
	o, err := parse(t, map[string]string{"ISTIO": "1.30", "KUBERNETES": "1.35", "KEEP": "1"}, "-istio", "1.31")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(o.Istio).To(gomega.Equal("1.31"))
	g.Expect(o.Kubernetes).To(gomega.Equal("1.35"))
	g.Expect(o.Keep).To(gomega.BeTrue())
	g.Expect(o.Name).To(gomega.Equal("istio-conformance"))
	g.Expect(o.KindConfig).To(gomega.HaveSuffix("/kind-config.yaml"))
}

func TestCompleteRefuses(t *testing.T) {
	cases := []struct {
		name        string
		environment map[string]string
		message     string
	}{
		{"another source", map[string]string{"IMAGES": "other"}, "want release, modules or archive"},
		{"an archive without a file", map[string]string{"IMAGES": "archive"}, "ARCHIVE=<path>"},
		{"KEEP that is neither", map[string]string{"KEEP": "yes"}, "KEEP=yes"},
		{"another kind of cluster", map[string]string{"CLUSTER": "cloud"}, "want kind or existing"},
		{"an unknown profile", map[string]string{"PROFILE": "demo"}, "want default, cni or ambient"},
		{"ambient from modules", map[string]string{"PROFILE": "ambient", "IMAGES": "modules"}, "ztunnel"},
		{"another way to install", map[string]string{"INSTALL": "istioctl"}, "want helm or skip"},
		{"installing into an existing cluster", map[string]string{"INSTALL": "helm", "CLUSTER": "existing", "KUBECONFIG": "x"}, "nothing is installed"},
		{"no Istio in a new cluster", map[string]string{"INSTALL": "skip"}, "CLUSTER=existing KUBECONFIG=<path>"},
		{"something else to be judged", map[string]string{"REQUIRE": "Latency"}, "REQUIRE=Latency: want latency or none"},
		{"latency of an existing cluster", map[string]string{"REQUIRE": "latency", "CLUSTER": "existing", "KUBECONFIG": "x"}, "latency is measured only where backends are made"},
		{"no part of the breaks", map[string]string{"MUTATE": "1", "SHARD": "5/4"}, "SHARD=5/4: want the number of a part"},
		{"checks that are resumed", map[string]string{"RESUME": "out/latest/report.json"}, "add MUTATE=1 or EXAM=1"},
		{"a part of the checks", map[string]string{"SHARD": "1/4"}, "add MUTATE=1"},
		{"another scope", map[string]string{"SCOPE": "cluster", "CLUSTER": "existing", "KUBECONFIG": "x"}, "want read or namespace"},
		{"a scope of a cluster that is made here", map[string]string{"SCOPE": "namespace"}, "add CLUSTER=existing"},
		{"a gateway of a cluster that is made here", map[string]string{"GATEWAY": "a/b"}, "add CLUSTER=existing"},
		{"a gateway without a namespace", map[string]string{"GATEWAY": "b", "CLUSTER": "existing", "KUBECONFIG": "x"}, "want namespace/name"},
		{"a gateway's URL", map[string]string{"GATEWAY_ADDRESS": "http://1.2.3.4", "CLUSTER": "existing", "KUBECONFIG": "x"}, "is no host:port"},
		{"a gateway's port that is none", map[string]string{"GATEWAY_ADDRESS": "h:http", "CLUSTER": "existing", "KUBECONFIG": "x"}, "no host:port"},
		{"a backend where nothing is started", map[string]string{"BACKEND_IMAGE": "r/b:1", "CLUSTER": "existing", "KUBECONFIG": "x"}, "add SCOPE=namespace"},
		{"another Istio than an existing cluster has", map[string]string{"ISTIO": "1.30", "CLUSTER": "existing", "KUBECONFIG": "x"}, "ISTIO=1.30 CLUSTER=existing: what an existing cluster has is found out"},
		{"an installation for an existing cluster", map[string]string{"INSTALLATION": "a.yaml", "CLUSTER": "existing", "KUBECONFIG": "x"}, "nothing is installed there"},
		{"an existing cluster without a kubeconfig", map[string]string{"CLUSTER": "existing"}, "KUBECONFIG=<path>"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			_, err := parse(t, c.environment)
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.message)))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
		})
	}
}
