package report

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// problems collects what is wrong with a report.
type problems []error

func (p *problems) addf(format string, args ...any) { *p = append(*p, fmt.Errorf(format, args...)) }

// check adds the problem unless ok.
func (p *problems) check(ok bool, format string, args ...any) {
	if !ok {
		p.addf(format, args...)
	}
}

// Validate checks the content of a report.json against the contract
// istio-conformance/v1 and returns everything that is wrong with it: fields that
// are missing, null or of another type, values outside their list, and outcomes
// that contradict each other. Fields that it does not know are allowed.
func Validate(content []byte) []error {
	var document any
	if err := json.Unmarshal(content, &document); err != nil {
		return []error{fmt.Errorf("%s is no JSON: %w", JSONName, err)}
	}
	var p problems
	requireFields(&p, document)
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		p.addf("%s does not fit the schema: %w", JSONName, err)
		return p
	}
	if r.Schema != Schema {
		p.addf("schema is %q, want %q", r.Schema, Schema)
		return p
	}
	p.run(&r)
	p.environment(r.Environment, r.Verdict)
	p.phases("phases", r.Phases)
	seen := map[string]bool{}
	for i, t := range r.Tests {
		at := fmt.Sprintf("tests[%d] %s", i, t.ID())
		p.check(!seen[t.ID()], "%s: duplicated", at)
		seen[t.ID()] = true
		p.test(at, t)
	}
	for i, l := range r.Load {
		p.load(fmt.Sprintf("load[%d] %s", i, l.Name), l)
	}
	for i, u := range r.Upgrade {
		at := fmt.Sprintf("upgrade[%d] %s to %s", i, u.From, u.To)
		p.upgrade(at, u)
	}
	for i, t := range r.Trends {
		p.trend(fmt.Sprintf("trends[%d] %s, %s", i, t.Group, t.Name), t)
	}
	return p
}

func (p *problems) oneOf(what, value string, allowed ...string) {
	p.check(slices.Contains(allowed, value), "%s is %q, want one of %q", what, value, allowed)
}

func (p *problems) run(r *Report) {
	p.check(r.Run != "", "run is empty")
	p.started("started", r.Started)
	p.check(!r.Finished.Before(r.Started), "finished is before started")
	verdicts := []string{string(VerdictPass), string(VerdictFail), string(VerdictInvalid), string(VerdictError)}
	p.oneOf("verdict", string(r.Verdict), verdicts...)
	if r.Error != nil {
		p.check(r.Error.Phase != "" && r.Error.Message != "", "error: phase or message is empty")
	}
	p.check(r.Error != nil || r.Verdict != VerdictError, "verdict is error without the field error that says why")
	p.unjudged(r)
	if want := Derive(r); slices.Contains(verdicts, string(r.Verdict)) && want != r.Verdict {
		p.addf("verdict is %q, but the content stands for %q", r.Verdict, want)
	}
}

// unjudged checks what is said to have decided nothing, and to be required.
func (p *problems) unjudged(r *Report) {
	for i, what := range r.Required {
		p.oneOf(fmt.Sprintf("required[%d]", i), what, Latency)
	}
	for i, u := range r.Unjudged {
		at := fmt.Sprintf("unjudged[%d] %s", i, u.Measurement)
		p.check(u.Reason != "", "%s: reason is empty", at)
		p.check(slices.ContainsFunc(r.Load, func(l Load) bool { return l.ID() == u.Measurement && l.Verdict == u.Verdict && l.undecided() }),
			"%s: load has no such measurement that is %s and decided nothing", at, u.Verdict)
	}
}

// environment may be incomplete in a run that could not build it.
func (p *problems) environment(e Environment, v Verdict) {
	if v == VerdictError {
		return
	}
	for _, f := range [][2]string{{"istio", e.Istio}, {"kubernetes", e.Kubernetes}, {"kernel", e.Kernel}} {
		p.check(f[1] != "", "environment.%s is empty in a run with a verdict about it", f[0])
	}
	if e.Support != nil {
		p.oneOf("environment.support.standing", e.Support.Standing, standings...)
		p.check(e.Support.Why != "", "environment.support.why is empty")
	}
	p.oneOf("environment.images", e.Images, "modules", "release", "archive")
	p.oneOf("environment.cgroup", e.Cgroup, "v1", "v2")
	p.check(e.Nodes > 0, "environment.nodes is %d, want at least 1", e.Nodes)
	p.check(e.CPUs > 0, "environment.cpus is %d, want at least 1", e.CPUs)
}

func (p *problems) phases(at string, phases []PhaseTime) {
	for i, phase := range phases {
		p.check(phase.Name != "", "%s[%d]: name is empty", at, i)
		p.check(phase.Seconds >= 0, "%s[%d] %s: seconds is negative", at, i, phase.Name)
	}
}

func (p *problems) test(at string, t Test) {
	p.check(t.Suite != "" && t.Name != "", "%s: suite or name is empty", at)
	p.oneOf(at+": status", string(t.Status), string(Pass), string(Fail), string(Skip), string(Flaky))
	p.check(t.Seconds >= 0, "%s: seconds is negative", at)
	p.check(t.Attempts >= 1, "%s: attempts is %d, want at least 1", at, t.Attempts)
	p.check(t.Assertions >= 0, "%s: assertions is negative", at)
	p.check(t.Rerun != "", "%s: rerun is empty", at)
	p.started(at+": started", t.Started)
	if broken := t.Broken(); broken != "" && slices.Contains([]Status{Pass, Fail, Skip, Flaky}, t.Status) {
		p.addf("%s: %s", at, broken)
	}
	p.check(!t.Unmeasured || t.Status == Skip, "%s: unmeasured with status %s, only what is skipped is", at, t.Status)
	p.check(t.Status != Pass || t.Attempts <= 1, "%s: passed at attempt %d, which is flaky", at, t.Attempts)
	p.check(t.Status != Flaky || t.Attempts > 1, "%s: flaky at the first attempt", at)
	for _, e := range t.Evidence {
		p.check(filepath.IsLocal(e), "%s: evidence %q does not lie below the report", at, e)
	}
}

func (p *problems) load(at string, l Load) {
	p.check(l.Name != "", "%s: name is empty", at)
	p.oneOf(at+": verdict", string(l.Verdict),
		string(VerdictPass), string(VerdictFail), string(VerdictInconclusive), string(VerdictInvalid))
	p.check(l.Requests >= l.Errors && l.Errors >= 0 && l.Rate >= 0 && l.Rounds >= 0 && l.SendLagP99Micros >= 0, "%s: counts that cannot be", at)
	for _, q := range l.Quantiles {
		p.check(q.Q > 0 && q.Q <= 1, "%s: quantile %g is outside of (0, 1]", at, q.Q)
		p.check(q.CILow <= q.CIHigh, "%s: the confidence interval of quantile %g is upside down", at, q.Q)
		p.check(q.AddedLowMicros <= q.AddedHighMicros, "%s: the interval of what quantile %g adds is upside down", at, q.Q)
		if q.Verdict != "" {
			p.oneOf(fmt.Sprintf("%s: verdict of quantile %g", at, q.Q), string(q.Verdict), string(VerdictPass), string(VerdictFail), string(VerdictInconclusive))
		}
	}
	p.check(l.Verdict == VerdictPass || l.Kind == "" || len(l.Reasons) > 0, "%s: the verdict is %s without a reason", at, l.Verdict)
	for _, path := range l.Paths {
		p.check(path.Name != "" && path.Requests >= path.Errors && path.Errors >= 0, "%s: path %s: counts that cannot be", at, path.Name)
		for _, q := range path.Percentiles {
			p.check(q.Q >= 0 && q.Q <= 1, "%s: path %s: percentile %g is outside of [0, 1]", at, path.Name, q.Q)
		}
	}
}

func (p *problems) started(what string, t time.Time) {
	p.check(!t.IsZero(), "%s is missing", what)
}

// Broken says why the outcome is none, or returns "".
func (t Test) Broken() string {
	switch t.Status {
	case Pass, Flaky:
		if len(t.Failures) > 0 {
			return fmt.Sprintf("reported as %s with failures", t.Status)
		}
		if t.Assertions <= 0 {
			return "passed without a single assertion, which proves nothing"
		}
	case Skip:
		if t.Reason == "" {
			return "skipped without a reason"
		}
	case Fail:
		if len(t.Failures) == 0 && t.Reason == "" {
			return "failed without a message"
		}
	default:
		return fmt.Sprintf("unknown status %q, want one of pass, fail, skip, flaky", t.Status)
	}
	return ""
}
