package load

import (
	"os"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/gate"
	"istio-conformance/internal/traffic/openloop/page"
)

func TestParseStat(t *testing.T) {
	g := gomega.NewWithT(t)
	pid, name, parent, err := parseStat("42 (load (x) gen) S 7 42 42 0 -1")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(pid).To(gomega.Equal(42))
	g.Expect(name).To(gomega.Equal("load (x) gen"))
	g.Expect(parent).To(gomega.Equal(7))
	for _, broken := range []string{"", "42", "42 (x)", "a (x) S b"} {
		_, _, _, err := parseStat(broken)
		g.Expect(err).To(gomega.HaveOccurred(), "%q", broken)
	}
	own, err := os.ReadFile("/proc/self/stat")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	pid, _, parent, err = parseStat(string(own))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect([]int{pid, parent}).To(gomega.Equal([]int{os.Getpid(), os.Getppid()}))
}

func TestContainerID(t *testing.T) {
	g := gomega.NewWithT(t)
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	pod := corev1.Pod{Status: corev1.PodStatus{
		ContainerStatuses:     []corev1.ContainerStatus{{Name: "backend", ContainerID: "containerd://c0ffee", State: running}, {Name: "dead", ContainerID: "containerd://beef"}},
		InitContainerStatuses: []corev1.ContainerStatus{{Name: "istio-proxy", ContainerID: "containerd://cafe", State: running}},
	}}
	g.Expect(containerID(pod, "backend")).To(gomega.Equal("c0ffee"))
	g.Expect(containerID(pod, "istio-proxy")).To(gomega.Equal("cafe"), "a native sidecar")
	for _, name := range []string{"dead", "missing"} {
		_, err := containerID(pod, name)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("container " + name)))
	}
}

func TestCauseNamesWhatIsWorse(t *testing.T) {
	g := gomega.NewWithT(t)
	measured := gate.Measured{
		Paths: []*gate.PathSummary{{Name: pathGateway}, {Name: pathDirect}, {Name: pathReference}},
		Rounds: []*gate.Round{{Blocks: map[string][]gate.Block{
			pathGateway: {{ServiceMicros: 7400, CPUMicros: 410}}, pathReference: {{ServiceMicros: 890, CPUMicros: 400}}, pathDirect: {{ServiceMicros: 390}},
		}}},
	}
	slow := gate.Judgement{
		Quantile: gate.Quantile{Q: 0.5}, Verdict: report.VerdictFail, Limit: 2000, AddedMicros: gate.Bounds{Center: 5300}, CandidateMicros: 7500, BaselineMicros: 900,
	}
	added := &gate.Comparison{Kind: gate.Added, Baseline: pathDirect, Candidate: pathGateway, Judgements: []gate.Judgement{slow}, Measured: measured}
	ratio := &gate.Comparison{Kind: gate.Ratio, Baseline: pathReference, Candidate: pathGateway, Judgements: []gate.Judgement{slow}, Measured: measured}
	g.Expect(cause([]*gate.Comparison{added})).To(gomega.Equal("the gateway is too slow: it adds 5300 us at p50, where 2000 us are allowed; " +
		"from when a request was sent, p50: gateway 7400 us, direct 390 us; CPU time of the container for each request: gateway 410 us"))
	g.Expect(cause([]*gate.Comparison{ratio})).To(gomega.Equal("the gateway is too slow: it takes 7500 us at p50, where an identical gateway with the default configuration " +
		"takes 900 us on the same node; from when a request was sent, p50: gateway 7400 us, reference 890 us; CPU time of the container for each request: gateway 410 us, reference 400 us"))
	g.Expect(cause([]*gate.Comparison{added, ratio})).To(gomega.And(gomega.ContainSubstring("it adds 5300 us"), gomega.ContainSubstring("; the gateway is too slow: it takes 7500 us")))
	measured.Paths[0].Failed, measured.Paths[0].Requests = 3, 100
	g.Expect(cause([]*gate.Comparison{added})).To(gomega.ContainSubstring("fail (3 of 100)"))
	measured.Paths[0].Failed = 0
	added.Judgements, added.Reasons = nil, []string{"for reasons"}
	g.Expect(cause([]*gate.Comparison{added})).To(gomega.HavePrefix("for reasons; "))
}

// What went through a gateway came to the backend over mutual TLS.
func TestSent(t *testing.T) {
	c := &gate.Comparison{Measured: gate.Measured{Probed: 100, Paths: []*gate.PathSummary{{Name: pathGateway, Requests: 10}, {Name: pathDirect, Requests: 11}, {Name: pathReference, Requests: 12}}}}
	gomega.NewWithT(t).Expect(sent(c)).To(gomega.Equal(received{All: 133, MutualTLS: 122}))
}

// What the gateway used is reported for its own path, for each 1000 requests/s.
func TestDescribeCurve(t *testing.T) {
	g := gomega.NewWithT(t)
	r := &openloop.Result{Seconds: 10, Latencies: openloop.NewLatencies(), Counts: openloop.Counts{Planned: 9000, OK: 9000, Warmup: 1000}, Usage: []openloop.Usage{{Name: "gateway", CPUSeconds: 3, MemoryBytes: 5e7}}}
	curve := &page.Curve{Rate: 900, Trials: []*openloop.Trial{{Rate: 900, Result: r}, {Rate: 1800, Broke: "p99 is 2s", Result: r}}}
	c := describeCurve(pathGateway, 8, curve)
	g.Expect(c.Points).To(gomega.HaveLen(2))
	g.Expect(c.Points[0].CPUPerThousand).To(gomega.BeNumerically("~", 0.3))
	g.Expect(c.Points[1].Outcome).To(gomega.Equal("broke: p99 is 2s"))
	g.Expect(knee(c)).To(gomega.ContainSubstring("900 requests/s are held"))
	g.Expect(knee(c)).To(gomega.ContainSubstring("0.300 CPUs per 1000 requests/s, 50 MB"))
	g.Expect(describeCurve(pathDirect, 8, curve).Points[0].CPUPerThousand).To(gomega.BeZero())
	curve.Rate, curve.Invalid = 0, "the generator itself was late"
	g.Expect(strings.HasSuffix(knee(describeCurve(pathGateway, 8, curve)), "late")).To(gomega.BeTrue())
}

// A machine that is too busy to measure latency hides no failed request.
func TestDescribeJobJudgesFailuresFirst(t *testing.T) {
	for _, c := range []struct {
		name    string
		errors  map[string]int64
		invalid []string
		want    report.Verdict
	}{
		{"all answered", nil, nil, report.VerdictPass},
		{"the generator was late", nil, []string{"late"}, report.VerdictInvalid},
		{"an answer failed", map[string]int64{"http 418 FI": 1}, nil, report.VerdictFail},
		{"an answer failed, and the generator was late", map[string]int64{"http 418 FI": 1}, []string{"late"}, report.VerdictFail},
		{"no answer came in time", map[string]int64{openloop.ClassTimeout: 1}, nil, report.VerdictFail},
		{"no answer came in time, as the generator was late", map[string]int64{openloop.ClassTimeout: 1}, []string{"late"}, report.VerdictInvalid},
		{"the generator had no port left", map[string]int64{openloop.ClassGenerator: 1}, []string{"no port"}, report.VerdictInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &openloop.Result{Latencies: openloop.NewLatencies(), Errors: c.errors, Invalid: c.invalid}
			for _, n := range c.errors {
				r.Counts.Failed += n
			}
			gomega.NewWithT(t).Expect(describeJob(r, nil).Verdict).To(gomega.Equal(c.want))
		})
	}
}
