package kernelprobe

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/machine/kernelprobe/probes"
)

// halfLoaded is a machine with overlay built in, br_netfilter loaded but forgotten
// for the next boot, nf_nat and xt_CT loadable, and nothing else.
func halfLoaded(t *testing.T) Facts {
	t.Helper()
	facts, err := Gather(machine(t, map[string]string{
		"proc/config.gz": "CONFIG_OVERLAY_FS=y\n", "proc/modules": "br_netfilter 1 0 - Live 0x0\n",
		modules + "modules.dep":      "kernel/nf_nat.ko:\nkernel/xt_CT.ko:\nkernel/iptable_raw.ko:\n",
		modules + "kernel/nf_nat.ko": "", modules + "kernel/xt_CT.ko": "", modules + "kernel/iptable_raw.ko": "",
	}))
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

func TestPlanLoadsTheOperatorsModulesAndWhatFails(t *testing.T) {
	g := gomega.NewWithT(t)
	table, err := Requirements()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	facts := halfLoaded(t)
	report := &Report{Requirements: []Finding{{Name: "xt_CT", Status: Failed}, {Name: "iptable_raw", Status: Unused}}}
	todo := plan(table, &facts, report)
	g.Expect(todo.commands()).To(gomega.Equal([]string{
		"modprobe nf_nat", "modprobe xt_CT", "printf '%s\\n' br_netfilter nf_nat xt_CT >>" + BootFile,
	}))
}

func TestApplyAddsToTheFileAndTakesNothingFromIt(t *testing.T) {
	g := gomega.NewWithT(t)
	root := t.TempDir()
	write(t, filepath.Join(root, BootFile), "# mine\noverlay")
	var said []string
	todo := repair{Boot: []string{"nf_nat", "xt_owner"}}
	g.Expect(todo.apply(t.Context(), root, func(line string) { said = append(said, line) })).To(gomega.Succeed())
	content, err := os.ReadFile(filepath.Join(root, BootFile))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(content)).To(gomega.Equal("# mine\noverlay\nnf_nat\nxt_owner\n"))
	g.Expect(said).To(gomega.Equal([]string{"printf '%s\\n' nf_nat xt_owner >>" + BootFile}))
}

func TestApplyNamesNoModuleThatCannotBeLoaded(t *testing.T) {
	g := gomega.NewWithT(t)
	bin, root := t.TempDir(), t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(bin, "modprobe"), []byte("#!/bin/sh\ntest \"$1\" != bad || { echo no such module; exit 1; }\n"), 0o755)).To(gomega.Succeed())
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	todo := repair{Load: []string{"bad", "good"}, Boot: []string{"bad", "good"}}
	err := todo.apply(t.Context(), root, func(string) {})
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("no such module")))
	content, err := os.ReadFile(filepath.Join(root, BootFile))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(content)).To(gomega.Equal("good\n"))
}

func TestBootScriptNamesTheOperatorsModules(t *testing.T) {
	g := gomega.NewWithT(t)
	script, err := BootScript()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(script).To(gomega.HaveSuffix("overlay br_netfilter nf_nat xt_REDIRECT xt_owner iptable_nat iptable_mangle iptable_filter >" + BootFile))
}

func TestTextShowsWhatIsMissingAndWhy(t *testing.T) {
	g := gomega.NewWithT(t)
	table, err := Requirements()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	o := observation{facts: present(t, "xt_owner", "iptable_nat"), tools: tools("nft"), results: with(everythingWorks(), probes.Fails, "/owner-uid")}
	report := &Report{Release: testRelease, Uses: DefaultUses().String()}
	report.Requirements, report.Backend = judgeAll(table, o, DefaultUses())
	report.conclude(DefaultUses())
	out := &recorder{}
	g.Expect(report.WriteText(out)).To(gomega.Succeed())
	for _, line := range []string{
		`(?m)^ ✗ xt_owner +missing`, `(?m)^ ✓ iptable_nat +missing +works without: nft/table-nat`, `(?m)^     users see   iptables: No chain`,
		`(?m)^ ✗ sidecars: broken by xt_owner`, `(?m)^ ✓ gateway pods$`, `(?m)^verdict: fail$`,
	} {
		g.Expect(string(*out)).To(gomega.MatchRegexp(line))
	}
	g.Expect(report.WriteText(broken{})).To(gomega.MatchError(os.ErrClosed))
}

type recorder []byte

func (r *recorder) Write(p []byte) (int, error) { *r = append(*r, p...); return len(p), nil }

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, os.ErrClosed }
