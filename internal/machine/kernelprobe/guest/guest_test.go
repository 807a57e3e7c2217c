package guest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/machine/kernelprobe"
)

// Each module of an operator's list, and each other that a probe covers, is taken
// away once.
func TestCasesCoverTheTable(t *testing.T) {
	g := gomega.NewWithT(t)
	table, err := kernelprobe.Requirements()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	covered, names := map[string]bool{}, map[string]bool{}
	for _, c := range Cases() {
		g.Expect(names[c.Name]).To(gomega.BeFalse(), "case %q is there twice", c.Name)
		names[c.Name] = true
		if len(c.Hide) == 1 && len(c.Red) == 1 && c.Hide[0] == c.Red[0] {
			covered[c.Red[0]] = true
		}
	}
	for _, r := range table {
		// No part of Istio uses nft_socket, so that nothing turns red without it.
		if len(r.Modules) > 0 && len(r.Parts) > 0 {
			g.Expect(covered[r.Name]).To(gomega.BeTrue(), "no case takes %s away", r.Name)
		}
	}
}

func TestWrong(t *testing.T) {
	red := Case{Name: "x", Red: []string{"xt_owner"}}
	for _, c := range []struct {
		name   string
		kase   Case
		result Result
		wrong  string
	}{
		{"as wanted", red, Result{Verdict: "fail", Status: map[string]string{"xt_owner": "failed", "nf_nat": "ok"}}, ""},
		{"not red", red, Result{Verdict: "pass", Status: map[string]string{"xt_owner": "ok"}}, "want red: xt_owner; is red: nothing"},
		{"more is red", red, Result{Verdict: "fail", Status: map[string]string{"xt_owner": "failed", "nf_nat": "failed"}}, "is red: nf_nat, xt_owner"},
		{"nothing red and no pass", Case{Name: "x"}, Result{Verdict: "inconclusive"}, "the verdict is inconclusive"},
		{"not made", red, Result{Problem: "still loaded"}, "could not be made: still loaded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			if c.wrong == "" {
				g.Expect(c.kase.Wrong(&c.result)).To(gomega.BeEmpty())
			} else {
				g.Expect(c.kase.Wrong(&c.result)).To(gomega.ContainSubstring(c.wrong))
				g.Expect(Table([]Case{c.kase}, []Result{c.result})).To(gomega.ContainSubstring("NO: "))
			}
		})
	}
}

func TestArchive(t *testing.T) {
	g := gomega.NewWithT(t)
	tree := t.TempDir()
	g.Expect(os.MkdirAll(filepath.Join(tree, "sbin"), 0o755)).To(gomega.Succeed())
	g.Expect(os.WriteFile(filepath.Join(tree, "sbin/tool"), []byte("12345"), 0o755)).To(gomega.Succeed())
	g.Expect(os.WriteFile(filepath.Join(tree, "sbin/left-out"), nil, 0o755)).To(gomega.Succeed())
	g.Expect(os.Symlink("tool", filepath.Join(tree, "sbin/link"))).To(gomega.Succeed())
	var out bytes.Buffer
	a := &archive{w: &out}
	g.Expect(a.addTree(tree, func(path string) bool { return path != "/sbin/left-out" })).To(gomega.Succeed())
	g.Expect(a.close()).To(gomega.Succeed())
	content := out.String()
	g.Expect(len(content) % 4).To(gomega.Equal(0))
	g.Expect(content).NotTo(gomega.ContainSubstring("left-out"))
	// A header of 110 bytes, the name and its end padded to 4, the content padded to 4.
	g.Expect(strings.Index(content, "070701")).To(gomega.Equal(0))
	file := content[strings.Index(content, "sbin/tool\x00")-110:]
	g.Expect(file[:14]).To(gomega.Equal("07070100000003"))
	g.Expect(file[14:22]).To(gomega.Equal("000081ED"), "mode of a file")
	g.Expect(file[54:62]).To(gomega.Equal("00000005"), "size")
	g.Expect(file[94:102]).To(gomega.Equal("0000000A"), "length of the name")
	g.Expect(file[110:128]).To(gomega.Equal("sbin/tool\x0012345\x00\x00\x00"))
}
