package upstream

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/check"
	"istio-conformance/internal/images/conformance"
)

// What go test says of a test.
const (
	passedTest  = "PASS"
	failedTest  = "FAIL"
	skippedTest = "SKIP"
)

// check waits for one of the suite's tests and judges it: what is claimed must pass, and
// what is not claimed is said.
func (u *Upstream) check(test conformance.Test) check.Check {
	return check.Check{
		Name: test.Name, Feature: strings.ToLower(u.profilesOf(test)[0]), Promise: promise(test), Timeout: wholeTimeout,
		Run: func(ctx context.Context, t *check.T) {
			o, err := u.runner.outcome(ctx, test.Name)
			t.Diagnose("the Gateway API's conformance suite gave no result of this test", "look at "+LogName+" beside report.json", "")
			t.Expect(err).NotTo(gomega.HaveOccurred(), func() string { return complaint(u.runner.said()) })
			claimed := u.claimed(test)
			switch o.Status {
			case skippedTest:
				t.Skipf("%s", u.whySkipped(test, o))
			case failedTest:
				if !claimed {
					t.Skipf("not claimed and failing: %s", complaint(o.Log))
				}
			}
			u.diagnose(t, test, o)
			t.Expect(o.Status).To(gomega.Equal(passedTest), func() string { return complaint(o.Log) })
			if !claimed {
				t.Observe("passing and not claimed")
			}
			t.Observe("%.1f s by the suite's own clock", o.Seconds)
		},
	}
}

// diagnose says what the failure of a claimed test means.
func (u *Upstream) diagnose(t *check.T, test conformance.Test, o outcome) {
	if said := unassigned(o.Log); said != "" {
		t.Diagnose("a Gateway was not Programmed in all the time that the suite waits, and the last that istiod said of it is: "+said,
			"where its pod was ready all that time, istiod did not look again when the endpoint came, as in the link; a test that is run again may pass",
			"https://github.com/istio/istio/issues/59501")
		return
	}
	t.Diagnose("the Gateway API's conformance test "+test.Name+" fails, and Istio's report ("+u.claims.Link+") claims that it passes", "read what it did in "+LogName+" beside report.json",
		"https://github.com/kubernetes-sigs/gateway-api/tree/"+u.suite.Version+"/conformance/tests")
}

// promise is the suite's own description of a test in one line.
func promise(t conformance.Test) string {
	if text := strings.Join(strings.Fields(t.Description), " "); text != "" {
		return text
	}
	return "features " + strings.Join(t.Features, ", ")
}

// claimed says whether a test must pass.
func (u *Upstream) claimed(t conformance.Test) bool { return u.claims.of(u.suite, t) }

// whySkipped says why the suite did not run a test.
func (u *Upstream) whySkipped(t conformance.Test, o outcome) string {
	for _, f := range t.Features {
		if !slices.Contains(u.claims.Features, f) && !u.core(f) {
			return fmt.Sprintf("needs %s, which Istio's report does not claim; RUN=%s/%s tries it", f, suiteName, t.Name)
		}
	}
	return complaint(o.Log)
}

// core says whether a feature is core of a chosen profile.
func (u *Upstream) core(feature string) bool {
	return slices.ContainsFunc(u.profiles, func(p conformance.Profile) bool { return slices.Contains(p.Core, feature) })
}

// reported is what is read of the suite's report.
type reported struct {
	Profiles []struct {
		Name           string
		Core, Extended struct {
			Statistics struct{ Passed, Failed, Skipped int }
		}
	}
}

// report keeps the suite's report and holds it against the results and the claims.
func (u *Upstream) report() check.Check {
	return check.Check{
		Name: reportName, Feature: suiteName, Timeout: wholeTimeout,
		Promise: "the Gateway API's conformance suite ends with a report, which counts what its tests have shown; what Istio's project claims is held against it",
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("the Gateway API's conformance suite wrote no report", "look at the end of "+LogName+" beside report.json", "")
			text, err := u.runner.wholeReport(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred(), func() string { return complaint(u.runner.said()) })
			t.Expect(os.WriteFile(filepath.Join(u.dir, ReportName), []byte(text), 0o644)).To(gomega.Succeed())
			var found reported
			t.Expect(yaml.Unmarshal([]byte(text), &found)).To(gomega.Succeed())
			t.Diagnose("the suite's report counts something else than its log shows", "compare "+ReportName+" with "+LogName, "")
			t.Expect(found.Profiles).NotTo(gomega.BeEmpty(), "profiles in the suite's report")
			for _, p := range found.Profiles {
				core, extended := p.Core.Statistics, p.Extended.Statistics
				passed, failed := u.count(p.Name)
				t.Expect([]int{core.Passed + extended.Passed, core.Failed + extended.Failed}).To(gomega.Equal([]int{passed, failed}), "tests of %s that passed and failed", p.Name)
				t.Observe("%s: core %d passed, %d failed; extended %d passed, %d failed%s", p.Name, core.Passed, core.Failed, extended.Passed, extended.Failed, u.published(p.Name))
			}
			u.compare(t)
		},
	}
}

// count counts the tests of a profile that passed and failed.
func (u *Upstream) count(profile string) (passed, failed int) {
	i := slices.IndexFunc(u.suite.Profiles, func(p conformance.Profile) bool { return p.Name == profile })
	for _, t := range u.suite.Tests {
		if i < 0 || !u.suite.Profiles[i].Has(t) {
			continue
		}
		switch u.runner.output.outcomes[t.Name].Status {
		case passedTest:
			passed++
		case failedTest:
			failed++
		}
	}
	return passed, failed
}

// published is what Istio's report says of a profile, to stand behind what was seen.
func (u *Upstream) published(profile string) string {
	for _, p := range u.claims.Profiles {
		if p.Name == profile {
			return fmt.Sprintf(" (published: %d and %d)", p.Core, p.Extended)
		}
	}
	return " (not published)"
}

// compare says what differs from the claims.
func (u *Upstream) compare(t *check.T) {
	lists := map[string][]string{}
	for _, test := range u.suite.Tests {
		claimed, status := u.claimed(test), u.runner.output.outcomes[test.Name].Status
		switch {
		case claimed && status == failedTest:
			lists["claimed and failing"] = append(lists["claimed and failing"], test.Name)
		case !claimed && status == passedTest:
			lists["passing and not claimed"] = append(lists["passing and not claimed"], test.Name)
		case !claimed && status == failedTest:
			lists["not claimed and failing"] = append(lists["not claimed and failing"], test.Name)
		case claimed && status == passedTest:
			lists["claimed and passing"] = append(lists["claimed and passing"], test.Name)
		}
	}
	t.Observe("claimed and passing: %d", len(lists["claimed and passing"]))
	for _, name := range []string{"claimed and failing", "passing and not claimed", "not claimed and failing"} {
		t.Observe("%s: %d %s", name, len(lists[name]), strings.Join(lists[name], " "))
	}
}
