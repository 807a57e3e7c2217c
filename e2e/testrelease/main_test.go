package main

import (
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func TestChoose(t *testing.T) {
	for names, want := range map[string][]string{
		"":                   {"plan", "versions", "faults", "node-port", "e2e", "newer", "archive"},
		"archive, plan":      {"plan", "archive"},
		"upgrade":            {"upgrade"},
		"node-port e2e plan": {"plan", "node-port", "e2e"},
	} {
		g := gomega.NewWithT(t)
		chosen, err := choose(names)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		var got []string
		for _, s := range chosen {
			got = append(got, s.name)
		}
		g.Expect(got).To(gomega.Equal(want), names)
	}
	for _, names := range []string{"plans", "plan,plan", " ", "e2e faulty"} {
		_, err := choose(names)
		g := gomega.NewWithT(t)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("want some of plan, versions, faults")), names)
		g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
	}
}

// TestJudge holds that a row turns red for each thing that it wants.
func TestJudge(t *testing.T) {
	row := fault{what: "429", status: exitcode.Environment, says: "no more requests", shown: "attempt 2 of 3", within: time.Second}
	const good = "429: attempt 2 of 3 in 1s\nerror: it takes no more requests\n"
	for what, c := range map[string]struct {
		status int
		stderr string
		took   time.Duration
		left   []string
		says   string // empty: green
	}{
		"as wanted":         {exitcode.Environment, good, 0, nil, ""},
		"another status":    {exitcode.Usage, good, 0, nil, "status 2, want 3"},
		"other words":       {exitcode.Environment, "429: attempt 2 of 3 in 1s\nerror: no\n", 0, nil, "want one line, the last, with"},
		"two lines":         {exitcode.Environment, "error: first\n" + good, 0, nil, "want one line, the last, with"},
		"a line after it":   {exitcode.Environment, good + "and more\n", 0, nil, "want one line, the last, with"},
		"nothing shown":     {exitcode.Environment, "error: it takes no more requests", 0, nil, "want a line with \"attempt 2 of 3\""},
		"too slow":          {exitcode.Environment, good, 2 * time.Second, nil, "it took 2s, want 1s at most"},
		"something is left": {exitcode.Environment, good, 0, []string{"pilot"}, "left behind: pilot"},
	} {
		g := gomega.NewWithT(t)
		_, err := judge(row, c.status, "", c.stderr, c.took, c.left)
		if c.says == "" {
			g.Expect(err).NotTo(gomega.HaveOccurred(), what)
			continue
		}
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)), what)
	}
}
