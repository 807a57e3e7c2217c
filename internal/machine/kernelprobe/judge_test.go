package kernelprobe

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/machine/kernelprobe/probes"
	"istio-conformance/internal/process/exitcode"
)

// everythingWorks are the results of a machine with both backends and nft.
func everythingWorks() map[string]probes.Result {
	results := map[string]probes.Result{}
	for _, name := range probes.Names() {
		results[name] = probes.Result{Status: probes.Works}
	}
	return results
}

// with changes the results whose name ends in one of the suffixes.
func with(results map[string]probes.Result, status probes.Status, suffixes ...string) map[string]probes.Result {
	for name := range results {
		for _, suffix := range suffixes {
			if strings.HasSuffix(name, suffix) {
				results[name] = probes.Result{Status: status, Message: "seen in a test"}
			}
		}
	}
	return results
}

func tools(names ...string) map[string]probes.Tool {
	all := map[string]probes.Tool{}
	for _, name := range names {
		all[name] = probes.Tool{Name: name}
	}
	return all
}

// present are facts in which every module of the table but these is built in.
func present(t *testing.T, missing ...string) Facts {
	t.Helper()
	table, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	f := Facts{Release: testRelease, Loaded: map[string]bool{}, Builtin: map[string]bool{}, BuiltinSource: Source{Path: "modules.builtin"}}
	for _, r := range table {
		for _, name := range r.Modules {
			f.Builtin[name] = true
		}
	}
	for _, name := range missing {
		delete(f.Builtin, name)
	}
	return f
}

func TestJudge(t *testing.T) {
	everything, err := ParseUses("all")
	if err != nil {
		t.Fatal(err)
	}
	both := tools("legacy", "nft", "legacy6", "nft6", "native")
	for _, c := range []struct {
		name        string
		observation observation
		uses        Uses
		verdict     Verdict
		backend     Backend
		red         []string
		status      map[string]Status
	}{
		{
			name:        "everything works",
			observation: observation{facts: present(t), tools: both, results: everythingWorks()},
			uses:        everything, verdict: Pass, backend: NFT,
		},
		{
			name:        "what works is there, whatever the lists say",
			observation: observation{facts: present(t, "iptable_nat", "iptable_mangle", "iptable_filter", "xt_owner"), tools: both, results: everythingWorks()},
			uses:        everything, verdict: Pass, backend: NFT,
		},
		{
			name: "one module is missing and others need it: one cause is one failure",
			observation: observation{
				facts: present(t, "nf_nat"), tools: both,
				results: with(with(everythingWorks(), probes.Fails, "table-nat", "native/nat", "native/redirect", "native/snat"), probes.CannotTell, "/redirect", "/traffic"),
			},
			uses: everything, verdict: Fail, backend: NFT, red: []string{"nf_nat"},
			status: map[string]Status{"nft_chain_nat": Blocked, "xt_REDIRECT": Blocked, "nat-redirect": Blocked, "nft_redir": Blocked, "nft_nat": Blocked},
		},
		{
			name: "Istio would choose nft, which lacks what legacy has",
			observation: observation{
				facts: present(t, "nft_compat"), tools: both,
				results: with(everythingWorks(), probes.Fails, "nft/redirect", "nft/owner-uid", "nft/owner-gid", "nft/multiport", "nft/conntrack", "nft/set-mark", "nft/connmark"),
			},
			uses: DefaultUses(), verdict: Fail, backend: NFT, red: []string{"nft_compat"}, status: map[string]Status{"xt_owner": Blocked},
		},
		{
			name: "nft does not work: sidecars use legacy",
			observation: observation{
				facts: present(t, "nf_tables"), tools: both,
				results: with(everythingWorks(), probes.Fails, "nft/table-nat", "nft/table-filter", "native/table", "native/nat"),
			},
			uses: DefaultUses(), verdict: Pass, backend: Legacy, status: map[string]Status{"nf_tables": Unused},
		},
		{
			name:        "what nothing uses breaks nothing",
			observation: observation{facts: present(t, "xt_TPROXY"), tools: both, results: with(everythingWorks(), probes.Fails, "nft/tproxy")},
			uses:        DefaultUses(), verdict: Pass, backend: NFT, status: map[string]Status{"xt_TPROXY": Unused},
		},
		{
			name:        "a gateway needs no iptables",
			observation: observation{facts: present(t, "xt_owner"), tools: both, results: with(everythingWorks(), probes.Fails, "/owner-uid", "/owner-gid")},
			uses:        Uses{Parts: []Part{Node, Gateway}}, verdict: Pass, backend: NFT, status: map[string]Status{"xt_owner": Unused},
		},
		{
			name:        "no permission is not missing",
			observation: observation{facts: present(t), tools: both, results: with(everythingWorks(), probes.CannotTell, ""), obstacle: "no CAP_NET_ADMIN"},
			uses:        DefaultUses(), verdict: Inconclusive, backend: NFT, status: map[string]Status{"xt_owner": CannotTell, "overlay": CannotTell},
		},
		{
			name:        "no permission, and the kernel says itself that it has no such module",
			observation: observation{facts: present(t, "xt_owner"), tools: both, results: with(everythingWorks(), probes.CannotTell, ""), obstacle: "no CAP_NET_ADMIN"},
			uses:        DefaultUses(), verdict: Fail, backend: NFT, red: []string{"xt_owner"},
		},
		{
			name:        "no permission and no legacy tables, on a kernel for nft",
			observation: observation{facts: present(t, "iptable_nat", "iptable_mangle", "iptable_filter"), results: map[string]probes.Result{}, obstacle: "no CAP_NET_ADMIN"},
			uses:        DefaultUses(), verdict: Inconclusive, backend: NFT, status: map[string]Status{"iptable_nat": Unused},
		},
		{
			name:        "no iptables to try with",
			observation: observation{facts: present(t, "iptable_nat"), results: with(everythingWorks(), probes.CannotTell, "")},
			uses:        DefaultUses(), verdict: Inconclusive, status: map[string]Status{"iptable_nat": CannotTell},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			table, err := Requirements()
			g.Expect(err).NotTo(gomega.HaveOccurred())
			report := &Report{Release: testRelease, Obstacle: c.observation.obstacle}
			report.Requirements, report.Backend = judgeAll(table, c.observation, c.uses)
			report.conclude(c.uses)
			var red []string
			for _, f := range report.Failures() {
				red = append(red, f.Name)
				g.Expect(f.Diagnosis).NotTo(gomega.BeNil(), f.Name)
				g.Expect(f.Diagnosis.Fix).NotTo(gomega.BeEmpty(), f.Name)
			}
			g.Expect(red).To(gomega.Equal(c.red))
			g.Expect(report.Verdict).To(gomega.Equal(c.verdict))
			g.Expect(report.Backend).To(gomega.Equal(c.backend))
			for name, status := range c.status {
				f, _ := report.Finding(name)
				g.Expect(f.Status).To(gomega.Equal(status), "%s: %s", name, f.Reason)
			}
			wanted := map[Verdict]int{Pass: exitcode.Pass, Fail: exitcode.Fail, Inconclusive: exitcode.Invalid}
			g.Expect(exitcode.Of(report.Err())).To(gomega.Equal(wanted[c.verdict]))
		})
	}
}

func TestAFailureSaysWhatBreaksAndWhatToDo(t *testing.T) {
	table, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	loadable := present(t, "xt_owner")
	loadable.root = machine(t, map[string]string{modules + "xt_owner.ko": ""})
	loadable.Loadable = map[string][]string{"xt_owner": {"xt_owner.ko"}}
	forbidden := present(t, "xt_owner")
	forbidden.root, forbidden.Loadable = loadable.root, loadable.Loadable
	forbidden.Forbidden = map[string]string{"xt_owner": "/etc/modprobe.d/x.conf: install xt_owner /bin/true"}
	for _, c := range []struct {
		name  string
		facts Facts
		fix   string
	}{
		{"loadable", loadable, "modprobe xt_owner, and name it in a file in /etc/modules-load.d"},
		{"forbidden", forbidden, `take out the line "/etc/modprobe.d/x.conf: install xt_owner /bin/true"`},
		{"missing", present(t, "xt_owner"), "linux-modules-extra-" + testRelease},
		{"there, and does not work", present(t), "dmesg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			o := observation{facts: c.facts, tools: tools("nft"), results: with(everythingWorks(), probes.Fails, "/owner-uid")}
			findings, _ := judgeAll(table, o, DefaultUses())
			report := &Report{Requirements: findings}
			f, _ := report.Finding("xt_owner")
			g.Expect(f.Status).To(gomega.Equal(Failed))
			g.Expect(f.Reason).To(gomega.ContainSubstring("seen in a test"))
			g.Expect(f.Diagnosis.Cause).To(gomega.ContainSubstring("these break: sidecars"))
			g.Expect(f.Diagnosis.Message).To(gomega.Equal("iptables: No chain/target/match by that name"))
			g.Expect(f.Diagnosis.Fix).To(gomega.ContainSubstring(c.fix))
			g.Expect(f.Diagnosis.Link).To(gomega.HavePrefix("https://github.com/istio/istio/issues/"))
		})
	}
}
