package record

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/junit"
	"istio-conformance/internal/report/markdown"
)

// junitName is what the writer calls its file.
const junitName = "junit.xml"

var update = flag.Bool("update", false, "rewrite the golden files")

// clock is a time that only the test moves.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 11, 24, 2, 18, 0, 0, time.UTC)} }

func (c *clock) add(seconds float64) {
	c.now = c.now.Add(time.Duration(seconds * float64(time.Second)))
}

// run is a Recorder with its clock and what it wrote.
type run struct {
	*Recorder
	clock  *clock
	screen *bytes.Buffer
	t      *testing.T
}

func newRun(t *testing.T, change func(*Options)) *run {
	t.Helper()
	r := &run{clock: newClock(), screen: &bytes.Buffer{}, t: t}
	base := t.TempDir()
	o := Options{
		Dir: filepath.Join(base, "out"), RunID: "20261124-021800", Base: base,
		Out: r.screen, Now: func() time.Time { return r.clock.now },
	}
	if change != nil {
		change(&o)
	}
	o.Also = append([]report.Output{junit.Output(), markdown.Output(o.Compare)}, o.Also...)
	var err error
	if r.Recorder, err = newRecorder(o); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *run) phase(name string, seconds float64, err error, steps ...string) {
	p := r.Phase(name)
	for _, s := range steps {
		p.Logf("%s", s)
		r.clock.add(seconds / float64(len(steps)+1))
		r.tick()
	}
	r.clock.add(seconds / float64(len(steps)+1))
	p.Done(err)
}

func (r *run) test(test report.Test) {
	r.StartTest(test.Suite, test.Name)
	r.clock.add(test.Seconds)
	r.tick()
	r.EndTest(test)
}

func (r *run) finish(want report.Verdict) {
	r.t.Helper()
	got, err := r.Finish()
	g := gomega.NewWithT(r.t)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(got).To(gomega.Equal(want))
	g.Expect(report.Validate(r.read(report.JSONName))).To(gomega.BeEmpty(), "the written report.json against the contract")
}

func (r *run) read(name string) []byte {
	r.t.Helper()
	content, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return content
}

func environment(e *report.Environment) {
	*e = report.Environment{
		Istio: "1.31.0", Kubernetes: "v1.36.3", Images: "modules", Nodes: 2, Kernel: "6.18.44", Cgroup: "v1", CPUs: 2,
		Proxy:   report.Proxy{Version: "1.40.0", Extensions: []string{"envoy.filters.http.router"}},
		Digests: map[string]string{"kindest/node:v1.36.3": "sha256:1f3a", "istio/pilot:1.31.0": "sha256:77b0"},
	}
}

func setUp(r *run) {
	r.Environment(environment)
	r.phase("doctor", 0.3, nil)
	r.phase("images", 161, nil, "node image kindest/node:v1.36.3", "istio/pilot:1.31.0 from module istio.io/istio")
	r.phase("cluster", 24.1, nil, "creating 2 nodes", "waiting until 2 nodes are Ready")
	r.phase("install", 18.2, nil, "istio-base", "istiod", "gateway")
}

func pass(suite, name string, seconds float64) report.Test {
	return report.Test{Suite: suite, Name: name, Description: name + " holds", Status: report.Pass, Seconds: seconds, Assertions: 3}
}

func greenChecks(r *run) {
	r.test(pass("kernel", "module-xt-redirect", 0.1))
	r.test(pass("kernel", "nat-redirect", 0.4))
	r.test(pass("install", "crds-established", 1.2))
	r.test(pass("install", "istiod-available", 0.6))
}

// failedTimeout has texts that every output must escape.
func failedTimeout(dir string) report.Test {
	return report.Test{
		Suite: "ingress", Name: "timeout", Description: "a slow backend ends as 504 at the route's timeout of 1 s (+0.5 s)",
		Status: report.Fail, Seconds: 3.2, Attempts: 1, Assertions: 2,
		Failures: []string{"\x1b[31mthe answer to GET /?delay=3s\x1b[0m\nExpected\n    <int>: 200\nto equal\n    <int>: 504",
			"``` <b>&amp; ]]> | \x00"},
		Observed: []string{"the gateway's route has timeout: 0s"},
		Diagnosis: report.Diagnosis{
			Cause: "the VirtualService has not reached the gateway's proxy, or another route of the same host goes before it",
			Fix:   "compare the route in config-dump.json with `kubectl get virtualservice -A`",
			Link:  "https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/",
		},
		Evidence: []string{filepath.Join(dir, "events.yaml"), filepath.Join(dir, "gateway", "config-dump.json")},
	}
}

func greenRun(t *testing.T, change func(*Options)) *run {
	r := newRun(t, change)
	setUp(r)
	r.Plan(4)
	greenChecks(r)
	r.phase("clean-up", 3.1, nil, "deleting the cluster")
	r.finish(report.VerdictPass)
	return r
}

// slowMachine is a measurement that the machine did not allow.
func slowMachine() report.Load {
	return report.Load{
		Name: "gateway-vs-direct", Verdict: report.VerdictInvalid, Rate: 300, Rounds: 12, Requests: 14400, Quantiles: []report.Quantile{{Q: 0.5, Ratio: 1.4, BaselineMicros: 600, CandidateMicros: 840, AddedMicros: 240, LimitMicros: 2000}},
		Kind: "added", Reasons: []string{"only 0 of 8 rounds could be used, after 12 attempts; the last reason: the hypervisor took 4.0 % of the CPU time"},
	}
}

// measured is the check that a measurement skips.
func measured(l report.Load) report.Test {
	return report.Test{Suite: "load", Name: l.Name, Description: "the gateway adds no more latency than is allowed", Status: report.Skip, Unmeasured: true, Seconds: 66, Assertions: 4,
		Reason: fmt.Sprintf("the measurement is %s: %s; measure again while nothing else runs on this machine", l.Verdict, l.Reasons[0])}
}

// unmeasuredRun holds everything but the latency, which the machine cannot judge.
func unmeasuredRun(t *testing.T, want report.Verdict, change func(*Options)) *run {
	r := newRun(t, change)
	setUp(r)
	r.Plan(5)
	greenChecks(r)
	r.AddLoad(slowMachine())
	r.test(measured(slowMachine()))
	r.phase("clean-up", 3.1, nil, "deleting the cluster")
	r.finish(want)
	return r
}

func unjudgedRun(t *testing.T, change func(*Options)) *run {
	return unmeasuredRun(t, report.VerdictPass, change)
}

// requiredRun is the same, of somebody who gates on latency.
func requiredRun(t *testing.T, change func(*Options)) *run {
	return unmeasuredRun(t, report.VerdictInvalid, func(o *Options) {
		o.Required = []string{report.Latency}
		if change != nil {
			change(o)
		}
	})
}

func redRun(t *testing.T, change func(*Options)) *run {
	r := newRun(t, change)
	r.Warn("port 80 of 127.0.0.1 is taken: the gateway is at 127.0.0.1:32080")
	setUp(r)
	r.Plan(8)
	greenChecks(r)
	r.test(failedTimeout(r.EvidenceDir("ingress", "timeout")))
	r.test(report.Test{Suite: "ingress", Name: "retries", Description: "a retried 503 ends as 200", Status: report.Pass, Seconds: 4.4, Attempts: 2, Assertions: 9})
	for _, name := range []string{"without-cluster-ip", "circuit-breaker"} {
		r.test(report.Test{Suite: "ingress", Name: name, Status: report.Skip, Reason: "needs ingress/timeout, which did not pass"})
	}
	r.phase("clean-up", 3.1, nil, "deleting the cluster")
	r.finish(report.VerdictFail)
	return r
}

func abortedRun(t *testing.T, change func(*Options)) *run {
	r := newRun(t, change)
	r.Environment(func(e *report.Environment) { e.Istio, e.Kubernetes, e.Images = "1.31.0", "v1.36.3", "release" })
	r.phase("doctor", 0.3, nil)
	err := errors.New("node istio-conformance-worker: not Ready after 2m0s:\nthe last condition was Ready=False (KubeletNotReady: cni plugin not initialized)")
	r.phase("cluster", 131, err, "creating 2 nodes", "writing the CNI configuration", "waiting until 2 nodes are Ready")
	r.Abort(err, "cluster")
	r.finish(report.VerdictError)
	return r
}

// golden compares with a file of testdata; -update rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", path, got)
	}
}

// readable shows the control sequences of a terminal's output.
func readable(b []byte) []byte {
	return []byte(strings.NewReplacer("\r\x1b[K", "⟲", "\x1b[0m", "⟩", "\x1b[", "⟨").Replace(string(b)))
}
