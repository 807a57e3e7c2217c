package ci

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// samples are the reports that the page is tested with.
const samples = "../html/testdata"

func sample(t *testing.T, name string) *report.Report {
	t.Helper()
	doc, err := report.Read(filepath.Join(samples, name, "report.json"))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAnnotations(t *testing.T) {
	g := gomega.NewWithT(t)
	lines := Annotations(sample(t, "red"))
	g.Expect(lines).To(gomega.ContainElement(gomega.And(
		gomega.HavePrefix("::error title=ingress/timeout::the answer to GET /?delay=3s"),
		gomega.ContainSubstring("%0Are-run: make e2e KEEP=1 RUN=ingress/timeout"))))
	g.Expect(lines).To(gomega.ContainElement(gomega.HavePrefix("::warning title=ingress/retries is flaky::")))
	g.Expect(Annotations(sample(t, "green"))).To(gomega.BeEmpty())
	g.Expect(Annotations(sample(t, "error"))).To(gomega.ConsistOf(gomega.HavePrefix("::error title=set-up failed in phase cluster::")))
}

func TestARepetitionThatWasReplacedIsNoError(t *testing.T) {
	g := gomega.NewWithT(t)
	again := report.Upgrade{From: "1.30.0", To: "1.31.0", Journey: "in-place", Verdict: report.VerdictInvalid, Again: true}
	pass := report.Upgrade{From: "1.30.0", To: "1.31.0", Journey: "in-place", Verdict: report.VerdictPass}
	g.Expect(Annotations(&report.Report{Upgrade: []report.Upgrade{again, pass}})).To(gomega.BeEmpty())
	g.Expect(Annotations(&report.Report{Upgrade: []report.Upgrade{again}})).To(gomega.ConsistOf(gomega.HavePrefix("::error title=upgrade 1.30.0 to 1.31.0::")))
}

// TestLatencyThatWasNotJudged is a warning of a run that passes, and an error of one that
// requires it.
func TestLatencyThatWasNotJudged(t *testing.T) {
	g := gomega.NewWithT(t)
	doc := sample(t, "unjudged")
	g.Expect(Annotations(doc)).To(gomega.ConsistOf(gomega.And(
		gomega.HavePrefix("::warning title=load/gateway-vs-direct%3A latency not judged::"), gomega.ContainSubstring("the hypervisor took 2.2 %25 of the CPU time"))))
	content, err := Metrics(doc, "")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(content)).To(gomega.And(gomega.ContainSubstring("\nistio_conformance_unjudged 1\n"), gomega.ContainSubstring(`istio_conformance_verdict{verdict="pass"} 1`)))
	doc.Verdict, doc.Required = report.VerdictInvalid, []string{report.Latency}
	g.Expect(Annotations(doc)).To(gomega.ConsistOf(gomega.HavePrefix("::error title=load/gateway-vs-direct%3A invalid::")))
	content, err = Metrics(sample(t, "green"), "")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(content)).To(gomega.ContainSubstring("\nistio_conformance_unjudged 0\n"))
}

func TestAnnotationsAreBoundedAndCannotBeForged(t *testing.T) {
	g := gomega.NewWithT(t)
	doc := &report.Report{Verdict: report.VerdictFail}
	for i := range 30 {
		doc.Tests = append(doc.Tests, report.Test{Suite: "s", Name: strconv.Itoa(i) + "\n::set-env name=X::y", Status: report.Fail, Failures: []string{"100%\n::stop-commands::x"}})
	}
	lines := Annotations(doc)
	g.Expect(lines).To(gomega.HaveLen(shownAnnotations))
	g.Expect(lines[9]).To(gomega.HaveSuffix("and 21 more in the summary"))
	for _, l := range lines {
		g.Expect(l).NotTo(gomega.ContainSubstring("\n"))
	}
	g.Expect(lines[0]).To(gomega.HavePrefix("::error title=s/0 %3A%3Aset-env name=X%3A%3Ay::100%25 ::stop"))
}

func TestGitHubWritesItsSummaryOnlyThere(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	content, err := os.ReadFile(filepath.Join(samples, "red", "report.json"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(os.WriteFile(filepath.Join(dir, "report.json"), content, 0o600)).To(gomega.Succeed())
	g.Expect(os.WriteFile(filepath.Join(dir, "summary.md"), []byte("## summary"), 0o600)).To(gomega.Succeed())
	env := map[string]string{"GITHUB_STEP_SUMMARY": filepath.Join(dir, "step.md")}
	var out bytes.Buffer
	g.Expect(GitHub(&out, dir, func(name string) string { return env[name] })).To(gomega.Succeed())
	g.Expect(out.String()).To(gomega.BeEmpty())
	env["GITHUB_ACTIONS"] = "true"
	g.Expect(GitHub(&out, dir, func(name string) string { return env[name] })).To(gomega.Succeed())
	g.Expect(out.String()).To(gomega.ContainSubstring("::error title=kernel/inotify::"))
	step, err := os.ReadFile(env["GITHUB_STEP_SUMMARY"])
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(step)).To(gomega.Equal("## summary\n"))
}

// line is a sample or a comment of the format.
var line = regexp.MustCompile(`^(# (TYPE|UNIT|HELP) \w+ .+|# EOF|\w+(\{\w+="([^"\\\n]|\\.)*"(,\w+="([^"\\\n]|\\.)*")*\})? [-+0-9.e]+)$`)

func TestMetrics(t *testing.T) {
	for _, name := range []string{"green", "red", "invalid", "unjudged", "error", "hostile"} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			content, err := Metrics(sample(t, name), "")
			g.Expect(err).NotTo(gomega.HaveOccurred())
			lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
			seen := map[string]bool{}
			for _, l := range lines {
				g.Expect(line.MatchString(l)).To(gomega.BeTrue(), l)
				g.Expect(strings.HasPrefix(l, "#") || !seen[l]).To(gomega.BeTrue(), "twice: %s", l)
				seen[l] = true
			}
			g.Expect(lines[len(lines)-1]).To(gomega.Equal("# EOF"))
		})
	}
	g := gomega.NewWithT(t)
	content, err := Metrics(sample(t, "red"), "")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, want := range []string{
		`istio_conformance_verdict{verdict="fail"} 1`, `istio_conformance_checks{status="fail"} 4`,
		`istio_conformance_check_passed{suite="ingress",check="timeout",feature="resilience"} 0`, `istio_conformance_upgrade_failed_requests{from="1.30.2",to="1.31.0",journey="in-place",repetition="1",verdict="fail"} 36`,
	} {
		g.Expect(string(content)).To(gomega.ContainSubstring(want + "\n"))
	}
}

func TestBadge(t *testing.T) {
	g := gomega.NewWithT(t)
	for name, want := range map[string]string{
		"green":    `{"schemaVersion":1,"label":"Istio 1.31.0 on Kubernetes 1.36.3","message":"27 passed","color":"brightgreen"}`,
		"red":      `{"schemaVersion":1,"label":"Istio 1.31.0 on Kubernetes 1.36.3","message":"4 of 25 failed","color":"red"}`,
		"invalid":  `{"schemaVersion":1,"label":"Istio 1.31.0 on Kubernetes 1.36.3","message":"invalid","color":"yellow"}`,
		"unjudged": `{"schemaVersion":1,"label":"Istio 1.31.0 on Kubernetes 1.36.3","message":"27 passed, latency not judged","color":"yellowgreen"}`,
		"error":    `{"schemaVersion":1,"label":"Istio 1.31.0 on Kubernetes 1.36.3","message":"error","color":"lightgrey","isError":true}`,
	} {
		content, err := Badge(sample(t, name), "")
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(strings.TrimSpace(string(content))).To(gomega.Equal(want))
	}
}

func TestSonobuoyIsToldWhereTheResultsAre(t *testing.T) {
	g := gomega.NewWithT(t)
	dir, results := t.TempDir(), t.TempDir()
	g.Expect(os.WriteFile(filepath.Join(dir, "junit.xml"), []byte("<testsuites/>"), 0o600)).To(gomega.Succeed())
	g.Expect(Sonobuoy(dir, func(string) string { return "" })).To(gomega.Succeed())
	g.Expect(Sonobuoy(dir, func(string) string { return results })).To(gomega.Succeed())
	done, err := os.ReadFile(filepath.Join(results, "done"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(os.ReadFile(string(done))).To(gomega.Equal([]byte("<testsuites/>")))
}
