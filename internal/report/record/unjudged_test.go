package record

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"

	"github.com/onsi/gomega"
)

func TestWhatDecidesTheVerdict(t *testing.T) {
	const held, failed, skipped = report.Pass, report.Fail, report.Skip
	load := func(v report.Verdict) []report.Load {
		return []report.Load{{Name: "gateway-vs-direct", Verdict: v, Reasons: []string{"why"}}}
	}
	upgrade := func(v report.Verdict) []report.Upgrade {
		return []report.Upgrade{{From: "1.30.0", To: "1.31.0", Verdict: v}}
	}
	for _, tt := range []struct {
		name     string
		tests    []report.Status
		load     []report.Load
		upgrade  []report.Upgrade
		required bool
		want     report.Verdict
		status   int
	}{
		{"every check held", []report.Status{held}, load(report.VerdictPass), nil, false, report.VerdictPass, 0},
		{"latency invalid", []report.Status{held}, load(report.VerdictInvalid), nil, false, report.VerdictPass, 0},
		{"latency inconclusive", []report.Status{held}, load(report.VerdictInconclusive), nil, false, report.VerdictPass, 0},
		{"latency invalid and required", []report.Status{held}, load(report.VerdictInvalid), nil, true, report.VerdictInvalid, 4},
		{"latency inconclusive and required", []report.Status{held}, load(report.VerdictInconclusive), nil, true, report.VerdictInvalid, 4},
		{"latency judged and required", []report.Status{held}, load(report.VerdictPass), nil, true, report.VerdictPass, 0},
		{"latency required and not measured", []report.Status{held}, nil, nil, true, report.VerdictPass, 0},
		{"latency too high", []report.Status{held}, load(report.VerdictFail), nil, false, report.VerdictFail, 1},
		{"latency invalid and a check failed", []report.Status{held, failed}, load(report.VerdictInvalid), nil, false, report.VerdictFail, 1},
		{"latency required, invalid, and a check failed", []report.Status{held, failed}, load(report.VerdictInvalid), nil, true, report.VerdictFail, 1},
		{"one latency invalid and another too high", []report.Status{held}, append(load(report.VerdictInvalid), report.Load{Name: "other", Verdict: report.VerdictFail}), nil, false, report.VerdictFail, 1},
		{"one latency invalid and another judged", []report.Status{held}, append(load(report.VerdictInvalid), report.Load{Name: "other", Verdict: report.VerdictPass}), nil, false, report.VerdictPass, 0},
		{"upgrade invalid", []report.Status{held}, nil, upgrade(report.VerdictInvalid), false, report.VerdictInvalid, 4},
		{"upgrade invalid and latency too", []report.Status{held}, load(report.VerdictInvalid), upgrade(report.VerdictInvalid), false, report.VerdictInvalid, 4},
		{"upgrade invalid and latency judged", []report.Status{held}, load(report.VerdictPass), upgrade(report.VerdictInvalid), false, report.VerdictInvalid, 4},
		{"upgrade passes and latency is invalid", []report.Status{held}, load(report.VerdictInvalid), upgrade(report.VerdictPass), false, report.VerdictPass, 0},
		{"upgrade passes, and latency is required and invalid", []report.Status{held}, load(report.VerdictInvalid), upgrade(report.VerdictPass), true, report.VerdictInvalid, 4},
		{"upgrade lost requests and latency is invalid", []report.Status{held}, load(report.VerdictInvalid), upgrade(report.VerdictFail), false, report.VerdictFail, 1},
		{"only skips", []report.Status{skipped}, nil, nil, false, report.VerdictError, 3},
		{"only skips and latency invalid", []report.Status{skipped}, load(report.VerdictInvalid), nil, false, report.VerdictError, 3},
		{"only skips, and latency required and invalid", []report.Status{skipped}, load(report.VerdictInvalid), nil, true, report.VerdictInvalid, 4},
		{"nothing but an invalid latency", nil, load(report.VerdictInvalid), nil, false, report.VerdictError, 3},
		{"nothing but a judged latency", nil, load(report.VerdictPass), nil, false, report.VerdictPass, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			r := newRun(t, func(o *Options) {
				if tt.required {
					o.Required = []string{report.Latency}
				}
			})
			r.Environment(environment)
			for i, status := range tt.tests {
				check := pass("s", string(rune('a'+i)), 1)
				check.Status, check.Reason = status, "why"
				r.test(check)
			}
			for _, l := range tt.load {
				r.AddLoad(l)
			}
			for _, u := range tt.upgrade {
				r.AddUpgrade(u)
			}
			r.finish(tt.want)
			g.Expect(tt.want.ExitStatus(exitcode.Environment)).To(gomega.Equal(tt.status))
			var doc report.Report
			g.Expect(json.Unmarshal(r.read(report.JSONName), &doc)).To(gomega.Succeed())
			undecided := len(tt.load) > 0 && (tt.load[0].Verdict == report.VerdictInvalid || tt.load[0].Verdict == report.VerdictInconclusive)
			g.Expect(doc.Unjudged != nil).To(gomega.Equal(undecided), "whatever the verdict is")
			g.Expect(strings.Contains(r.screen.String(), "\nverdict: pass\n")).To(gomega.Equal(tt.want == report.VerdictPass && !undecided), "a plain pass")
			var read struct {
				Failed int `xml:"failures,attr"`
			}
			g.Expect(xml.Unmarshal(r.read(junitName), &read)).To(gomega.Succeed())
			g.Expect(read.Failed > 0).To(gomega.Equal(tt.want != report.VerdictPass), "junit.xml is red when the run is no pass")
		})
	}
}

// A report from before the list of what was not judged is still what it was.
func TestAnEarlierReportStaysInvalid(t *testing.T) {
	g := gomega.NewWithT(t)
	content := string(requiredRun(t, nil).read(report.JSONName))
	from, to := strings.Index(content, `"unjudged": [`), strings.Index(content, `"warnings"`)
	earlier := content[:from] + content[to:]
	g.Expect(earlier).NotTo(gomega.Or(gomega.ContainSubstring("unjudged"), gomega.ContainSubstring(`"required"`)))
	g.Expect(report.Validate([]byte(earlier))).To(gomega.BeEmpty())
	passing := strings.Replace(earlier, `"verdict": "invalid"`, `"verdict": "pass"`, 1)
	g.Expect(errors.Join(report.Validate([]byte(passing))...)).To(gomega.MatchError(`verdict is "pass", but the content stands for "invalid"`))
}

func TestValidateHoldsWhatWasNotJudgedAgainstTheMeasurements(t *testing.T) {
	good := string(unjudgedRun(t, nil).read(report.JSONName))
	for _, tt := range []struct{ name, old, changed, want string }{
		{"another measurement", `"measurement": "load/gateway-vs-direct"`, `"measurement": "load/other"`, "load has no such measurement that is invalid"},
		{"another verdict", `"measurement": "load/gateway-vs-direct",
      "verdict": "invalid"`, `"measurement": "load/gateway-vs-direct",
      "verdict": "inconclusive"`, "load has no such measurement that is inconclusive"},
		{"no reason", `"reason": "only`, `"reason": "", "x": "only`, "unjudged[0] load/gateway-vs-direct: reason is empty"},
		{"something else is required", `"warnings": []`, `"required": ["beauty"], "warnings": []`, `required[0] is "beauty", want one of ["latency"]`},
		{"it is required and passes", `"warnings": []`, `"required": ["latency"], "warnings": []`, `verdict is "pass", but the content stands for "invalid"`},
		{"a measurement that failed", `"name": "gateway-vs-direct",
      "verdict": "invalid"`, `"name": "gateway-vs-direct",
      "verdict": "fail"`, `the content stands for "fail"`},
		{"unmeasured and passed", `"status": "skip"`, `"status": "pass"`, "unmeasured with status pass, only what is skipped is"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			g.Expect(good).To(gomega.ContainSubstring(tt.old), "the table is out of date")
			g.Expect(errors.Join(report.Validate([]byte(strings.Replace(good, tt.old, tt.changed, 1)))...)).To(gomega.MatchError(gomega.ContainSubstring(tt.want)))
		})
	}
}

// A check that could not measure and recorded nothing must not pass for one that did.
func TestWhatWasNotRecordedIsNoPass(t *testing.T) {
	for name, l := range map[string]*report.Load{"nothing": nil, "a pass": {Name: "gateway-vs-direct", Verdict: report.VerdictPass}} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, nil)
			r.Environment(environment)
			r.test(pass("s", "a", 1))
			r.test(measured(slowMachine()))
			if l != nil {
				r.AddLoad(*l)
			}
			r.finish(report.VerdictInvalid)
			gomega.NewWithT(t).Expect(string(r.read(junitName))).To(gomega.ContainSubstring("<skipped"))
		})
	}
}

func TestAFailureStaysOneWhateverItsNumbersAre(t *testing.T) {
	r := newRun(t, nil)
	r.Environment(environment)
	r.test(pass("s", "a", 1))
	endless := report.Quantile{Q: 0.5, CandidateMicros: 7}
	endless.Ratio = endless.CandidateMicros / endless.BaselineMicros
	r.AddLoad(report.Load{Name: "x", Verdict: report.VerdictFail, Quantiles: []report.Quantile{endless}})
	r.finish(report.VerdictFail)
}

// The last line is for programs, the words around it for people.
func TestAPassThatJudgedNoLatencySaysSo(t *testing.T) {
	g := gomega.NewWithT(t)
	const last = "verdict: pass (latency not judged: only 0 of 8 rounds could be used, after 12 attempts; the last reason: the hypervisor took 4.0 % of the CPU time)\n"
	g.Expect(unjudgedRun(t, nil).screen.String()).To(gomega.HaveSuffix("\n\n" + last))
	g.Expect(requiredRun(t, nil).screen.String()).To(gomega.HaveSuffix("\n\nverdict: invalid\n"))

	r := newRun(t, nil)
	r.Environment(environment)
	r.test(pass("s", "a", 1))
	for _, name := range []string{"first", "second", "third"} {
		l := slowMachine()
		l.Name, l.Reasons = name, []string{name + "\nreason"}
		r.AddLoad(l)
	}
	r.finish(report.VerdictPass)
	g.Expect(r.screen.String()).To(gomega.HaveSuffix("\n\nverdict: pass (latency not judged: first reason; and 2 measurements more)\n"))
	g.Expect(r.screen.String()).To(gomega.ContainSubstring("unjudged: load/first, load/second, load/third. "))
}

// How long a measurement takes does not depend on whether it decides something.
func TestAMeasurementThatDecidesNothingIsExpectedToTakeItsTime(t *testing.T) {
	g := gomega.NewWithT(t)
	p := &past{Phases: map[string][]float64{}, Tests: map[string][]float64{}, path: t.TempDir() + "/timings.json"}
	g.Expect(p.save(&report.Report{Tests: []report.Test{measured(slowMachine()), {Suite: "s", Name: "a", Status: report.Skip, Reason: "no IPv6", Seconds: 1}}})).To(gomega.Succeed())
	g.Expect(p.Tests).To(gomega.Equal(map[string][]float64{"load/gateway-vs-direct": {66}}))
}
