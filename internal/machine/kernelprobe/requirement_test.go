package kernelprobe

import (
	"slices"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/machine/kernelprobe/probes"
	"istio-conformance/internal/process/exitcode"
)

func TestTheTableHoldsTheOperatorsModules(t *testing.T) {
	g := gomega.NewWithT(t)
	table, err := Requirements()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(BootModules(table)).To(gomega.Equal(strings.Fields(
		"overlay br_netfilter nf_nat xt_REDIRECT xt_owner iptable_nat iptable_mangle iptable_filter")))
}

func TestEveryProbeOfTheTableExists(t *testing.T) {
	g := gomega.NewWithT(t)
	table, err := Requirements()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	all := probes.Names()
	for _, r := range table {
		g.Expect(r.Modules == nil).To(gomega.Equal(r.Config == nil), "%s: a module has build options, and nothing else has", r.Name)
		for _, probe := range slices.Concat(r.Probes, r.Any) {
			for _, backend := range []Backend{Legacy, NFT} {
				name := (&judge{backend: backend, backend6: backend}).resolve(probe)
				g.Expect(all).To(gomega.ContainElement(name), r.Name)
			}
		}
	}
}

func TestBadTablesAreRefused(t *testing.T) {
	rest := "purpose: x, message: x, source: x, link: x"
	for _, c := range []struct{ name, table, says string }{
		{"unknown field", "{name: a, colour: red}", "unknown field"},
		{"twice", "{name: a, probes: [x], " + rest + "}, {name: a, probes: [x], " + rest + "}", "only once"},
		{"unknown need", "{name: a, needs: [b], probes: [x], " + rest + "}", `need "b"`},
		{"unknown part", "{name: a, parts: [roof], probes: [x], " + rest + "}", `part "roof" is unknown`},
		{"no probe", "{name: a, " + rest + "}", "want probes"},
		{"no link", "{name: a, probes: [x], purpose: x, message: x, source: x}", "must not be empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parseRequirements([]byte("requirements: [" + c.table + "]"))
			gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)))
		})
	}
}

func TestParseUses(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"", "node,sidecar,gateway"}, {"gateway", "node,gateway"}, {" gateway , gateway", "node,gateway"}, {"ipv6", "node,sidecar,gateway,ipv6"},
		{"all", "node,sidecar,gateway,cni,dns,tproxy,nftables,ambient"}, {"tproxy,ipv6", "node,tproxy,ipv6"},
	} {
		uses, err := ParseUses(c.list)
		g := gomega.NewWithT(t)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(uses.String()).To(gomega.Equal(c.want), c.list)
	}
	_, err := ParseUses("sidecar,roof")
	gomega.NewWithT(t).Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
}
