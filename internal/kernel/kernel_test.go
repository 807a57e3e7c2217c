package kernel

import (
	"testing"

	"github.com/onsi/gomega"
)

const everythingBuiltIn = `
== release
6.18.0
== config
# /proc/config.gz
CONFIG_OVERLAY_FS=y
# CONFIG_MODULES is not set
== loaded
cat: /proc/modules: No such file or directory
!! exit 1
== builtin
cat: /lib/modules/6.18.0/modules.builtin: No such file or directory
!! exit 1
== loadable
cat: /lib/modules/6.18.0/modules.dep: No such file or directory
!! exit 1
== sysmodule
kernel
`

const distribution = `
== release
6.1.0-18-amd64
== config
# /boot/config-6.1.0-18-amd64
CONFIG_OVERLAY_FS=m
CONFIG_NF_NAT=m
CONFIG_BRIDGE_NETFILTER=m
== loaded
overlay 163840 12 - Live 0x0000000000000000
== builtin
kernel/net/netfilter/xt-owner.ko
== loadable
kernel/net/netfilter/nf_nat.ko.xz: kernel/net/netfilter/nf_conntrack.ko.xz
kernel/net/netfilter/xt_REDIRECT.ko: kernel/net/netfilter/nf_nat.ko
== sysmodule
overlay
iptable_mangle
`

const nothingReadable = `
== release
6.1.0
== config
neither /proc/config.gz nor /boot/config-6.1.0 is readable
!! exit 1
== loaded
== builtin
cat: permission denied
!! exit 1
== loadable
cat: permission denied
!! exit 1
== sysmodule
`

func TestStateNamesItsEvidence(t *testing.T) {
	cases := []struct {
		name, output, module string
		state                State
		evidence             string
	}{
		{"built in by the configuration", everythingBuiltIn, "overlay", Builtin, "/proc/config.gz: CONFIG_OVERLAY_FS=y"},
		{"not set in the configuration", everythingBuiltIn, "nf_nat", Missing, "CONFIG_NF_NAT is not set"},
		{"loaded wins over loadable", distribution, "overlay", Loaded, "/proc/modules lists overlay"},
		{"file name with a dash", distribution, "xt_owner", Builtin, "modules.builtin lists xt_owner"},
		{"compressed module file", distribution, "nf_nat", Loadable, "modules.dep lists nf_nat"},
		{"module file", distribution, "xt_REDIRECT", Loadable, "modules.dep lists xt_REDIRECT"},
		{"only in sysfs", distribution, "iptable_mangle", Builtin, "/sys/module/iptable_mangle exists"},
		{"configured, file not installed", distribution, "br_netfilter", Missing, "=m, but no module file"},
		{"no source readable", nothingReadable, "nf_nat", Unknown, "permission denied"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			facts, err := ParseFacts(c.output)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			state, evidence := facts.State(requirement(t, c.module))
			g.Expect(state).To(gomega.Equal(c.state))
			g.Expect(evidence).To(gomega.ContainSubstring(c.evidence))
		})
	}
}

func requirement(t *testing.T, module string) Requirement {
	t.Helper()
	for _, r := range Requirements() {
		if r.Module == module {
			return r
		}
	}
	t.Fatalf("no requirement for module %s", module)
	return Requirement{}
}

func TestParseFactsRefusesTruncatedOutput(t *testing.T) {
	_, err := ParseFacts("== release\n6.1.0\n== config\n")
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(`section "loaded" is missing`)))
}

func TestParseProbes(t *testing.T) {
	g := gomega.NewWithT(t)
	probes, err := ParseProbes(`ok overlay-mount
ok bridge-sysctl
failed nat-redirect iptables: No chain/target/match by that name.
ok owner-match
failed mangle-mark
ok filter-accept
version iptables v1.8.9 (nf_tables)`)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(probes.Failures).To(gomega.HaveKeyWithValue("overlay-mount", ""))
	g.Expect(probes.Failures).To(gomega.HaveKeyWithValue("nat-redirect", "iptables: No chain/target/match by that name."))
	g.Expect(probes.Failures).To(gomega.HaveKeyWithValue("mangle-mark", "it printed nothing"))
	g.Expect(probes.Iptables).To(gomega.Equal("iptables v1.8.9 (nf_tables)"))

	_, err = ParseProbes("unshare: unshare failed: Operation not permitted")
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("Operation not permitted")))
}

func TestRequirementsAreComplete(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(Requirements()).To(gomega.HaveLen(8))
	for _, r := range Requirements() {
		g.Expect([]string{r.Module, r.Config, r.NeededBy, r.Symptom, r.Probe, r.Link}).To(gomega.HaveEach(gomega.Not(gomega.BeEmpty())), r.Module)
	}
}
