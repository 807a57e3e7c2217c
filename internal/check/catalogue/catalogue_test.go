package catalogue

import (
	"encoding/json"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
)

var some = Of([]check.Suite{
	{Name: "install", Checks: []check.Check{{Name: "crds", Promise: "CRDs | are there", Gate: true}}},
	{Name: "ingress", Checks: []check.Check{{Name: "retries", Promise: "it retries", Feature: "retries", Parallel: true}}},
}, map[string][]Break{"ingress/retries": {{Name: "z"}, {Name: "retries-cut", Promise: "noticed"}}})

func TestText(t *testing.T) {
	gomega.NewWithT(t).Expect(Text(some)).To(gomega.Equal(`install
    install/crds     CRDs | are there (gate)

ingress
  ingress:retries
    ingress/retries  it retries

2 checks
`))
}

func TestJSON(t *testing.T) {
	g := gomega.NewWithT(t)
	content, err := JSON(some)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var read struct{ Checks []Entry }
	g.Expect(json.Unmarshal([]byte(content), &read)).To(gomega.Succeed())
	g.Expect(read.Checks).To(gomega.Equal(some))
}

func TestMarkdown(t *testing.T) {
	g := gomega.NewWithT(t)
	page := Markdown(some, Runs{"ambient": {"install/crds": "2026-11-30"}, "mutation": {"z": "2026-12-01"}})
	g.Expect(page).To(gomega.ContainSubstring("| `install/crds` (gate) | CRDs \\| are there |  | never run | never run | 2026-11-30 |\n"))
	g.Expect(page).To(gomega.ContainSubstring("### retries\n\n| check | promise | broken by | default | cni | ambient |\n|---|---|---|---|---|---|\n"))
	g.Expect(page).To(gomega.ContainSubstring("| `ingress/retries` | it retries | `retries-cut` (no recorded run), `z` 2026-12-01 | never run | never run | never run |\n"))
	g.Expect(page).To(gomega.ContainSubstring("1 of the checks have a break\nthere"))
	entry := Entry{Breaks: []Break{{Name: "a"}, {Name: "without xt_owner", Guest: true}, {Name: "b"}}}
	g.Expect(entry.brokenBy(Runs{"mutation": {"a": "2026-12-01"}})).To(gomega.Equal("`a` 2026-12-01, `b` (no recorded run), QEMU: without xt\\_owner"))
	entry = Entry{Unbroken: "none"}
	g.Expect(entry.brokenBy(nil)).To(gomega.Equal("nothing: none"))
}
