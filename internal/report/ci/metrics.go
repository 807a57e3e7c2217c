package ci

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Outputs are the files for machines beside report.json and junit.xml.
func Outputs() []report.Output {
	return []report.Output{{Name: "metrics.prom", Render: Metrics}, {Name: "badge.json", Render: Badge}}
}

// metrics collects samples in the OpenMetrics text format, kept to what
// Prometheus' own text format can read too: only gauges, no timestamps.
type metrics struct{ bytes.Buffer }

// family starts a family of samples.
func (m *metrics) family(name, unit, help string) {
	fmt.Fprintf(m, "# TYPE %s gauge\n", name)
	if unit != "" {
		fmt.Fprintf(m, "# UNIT %s %s\n", name, unit)
	}
	fmt.Fprintf(m, "# HELP %s %s\n", name, help)
}

// sample writes one value; pairs are the labels' names and values.
func (m *metrics) sample(name string, value float64, pairs ...string) {
	m.WriteString(name)
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	for i := 0; i+1 < len(pairs); i += 2 {
		open := ","
		if i == 0 {
			open = "{"
		}
		fmt.Fprintf(m, `%s%s="%s"`, open, pairs[i], escape.Replace(wording.Clean(pairs[i+1])))
	}
	if len(pairs) > 0 {
		m.WriteString("}")
	}
	m.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// Metrics renders metrics.prom, for a dashboard, a push gateway or the node
// exporter's textfile collector.
func Metrics(doc *report.Report, _ string) ([]byte, error) {
	var m metrics
	e := doc.Environment
	m.family("istio_conformance_run", "", "The run and what it was made with; the value is always 1.")
	m.sample("istio_conformance_run", 1, "run", doc.Run, "istio", e.Istio, "kubernetes", e.Kubernetes, "images", e.Images, "helm", e.Helm, "envoy", e.Proxy.Version, "kernel", e.Kernel)
	m.family("istio_conformance_verdict", "", "1 for the verdict of the run, 0 for the others.")
	for _, v := range []report.Verdict{report.VerdictPass, report.VerdictFail, report.VerdictInvalid, report.VerdictError} {
		m.sample("istio_conformance_verdict", truth(doc.Verdict == v), "verdict", string(v))
	}
	m.family("istio_conformance_unjudged", "", "How many measurements of latency decided nothing; a pass says nothing about them.")
	m.sample("istio_conformance_unjudged", float64(len(doc.Unjudged)))
	m.family("istio_conformance_finished_seconds", "seconds", "When the run finished, in seconds since 1970.")
	m.sample("istio_conformance_finished_seconds", float64(doc.Finished.Unix()))
	m.family("istio_conformance_run_duration_seconds", "seconds", "How long the run took.")
	m.sample("istio_conformance_run_duration_seconds", doc.Finished.Sub(doc.Started).Seconds())
	n := report.Count(doc.Tests)
	m.family("istio_conformance_checks", "", "How many checks ended in each way.")
	for _, s := range []struct {
		status report.Status
		n      int
	}{{report.Pass, n.Passed}, {report.Fail, n.Failed}, {report.Flaky, n.Flaky}, {report.Skip, n.Skipped}} {
		m.sample("istio_conformance_checks", float64(s.n), "status", string(s.status))
	}
	m.checks(doc)
	m.measured(doc)
	m.WriteString("# EOF\n")
	return m.Bytes(), nil
}

func (m *metrics) checks(doc *report.Report) {
	m.family("istio_conformance_check_passed", "", "1 when the check passed, also at a later attempt; skipped ones are left out.")
	for _, t := range doc.Tests {
		if t.Status != report.Skip {
			m.sample("istio_conformance_check_passed", truth(t.Status != report.Fail), "suite", t.Suite, "check", t.Name, "feature", t.Labels["feature"])
		}
	}
	m.family("istio_conformance_check_duration_seconds", "seconds", "How long the check took.")
	for _, t := range doc.Tests {
		if t.Status != report.Skip {
			m.sample("istio_conformance_check_duration_seconds", t.Seconds, "suite", t.Suite, "check", t.Name, "feature", t.Labels["feature"])
		}
	}
	m.family("istio_conformance_phase_duration_seconds", "seconds", "How long the phases of the set-up and the clean-up took, by name.")
	sums := map[string]float64{}
	var names []string
	for _, p := range doc.Phases {
		if _, known := sums[p.Name]; !known {
			names = append(names, p.Name)
		}
		sums[p.Name] += p.Seconds
	}
	for _, name := range names {
		m.sample("istio_conformance_phase_duration_seconds", sums[name], "phase", name)
	}
}

// measured are the load's and the upgrades' numbers.
func (m *metrics) measured(doc *report.Report) {
	m.family("istio_conformance_load_ratio", "", "Latency of the candidate over the baseline's, by quantile.")
	for _, l := range doc.Load {
		for _, q := range l.Quantiles {
			m.sample("istio_conformance_load_ratio", q.Ratio, "load", l.Name, "quantile", strconv.FormatFloat(q.Q, 'g', -1, 64), "verdict", string(l.Verdict))
		}
	}
	m.family("istio_conformance_load_candidate_seconds", "seconds", "Latency of the candidate, by quantile.")
	for _, l := range doc.Load {
		for _, q := range l.Quantiles {
			m.sample("istio_conformance_load_candidate_seconds", q.CandidateMicros/1e6, "load", l.Name, "quantile", strconv.FormatFloat(q.Q, 'g', -1, 64))
		}
	}
	m.family("istio_conformance_upgrade_failed_requests", "", "Requests that failed during the upgrade.")
	for _, u := range doc.Upgrade {
		m.sample("istio_conformance_upgrade_failed_requests", float64(u.Failed), "from", u.From, "to", u.To, "journey", u.Journey, "repetition", strconv.Itoa(u.Repetition), "verdict", string(u.Verdict))
	}
	m.family("istio_conformance_upgrade_longest_gap_seconds", "seconds", "The longest time without an answered request.")
	for _, u := range doc.Upgrade {
		m.sample("istio_conformance_upgrade_longest_gap_seconds", u.LongestGapMillis/1e3, "from", u.From, "to", u.To, "journey", u.Journey, "repetition", strconv.Itoa(u.Repetition))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
