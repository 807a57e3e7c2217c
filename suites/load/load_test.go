package load

import (
	"os"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/load"
	"istio-conformance/internal/load/gate"
	"istio-conformance/internal/load/page"
	"istio-conformance/internal/report"
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
	slow := gate.Judgement{Quantile: gate.Quantile{Q: 0.5}, Verdict: report.VerdictFail, Limit: 2000, AddedMicros: gate.Bounds{Center: 5300}}
	c := &gate.Comparison{Judgements: []gate.Judgement{slow}, Paths: []*gate.PathSummary{{Role: gate.Baseline}, {Role: gate.Candidate}}}
	g.Expect(cause(c)).To(gomega.Equal("the gateway is too slow: it adds 5300 us at p50, where 2000 us are allowed"))
	c.Paths[1].Failed, c.Paths[1].Requests = 3, 100
	g.Expect(cause(c)).To(gomega.ContainSubstring("fail (3 of 100)"))
	c.Judgements, c.Paths[1].Failed = nil, 0
	g.Expect(cause(c)).NotTo(gomega.HaveSuffix(" "))
}

// What the gateway used is reported for its own path, for each 1000 requests/s.
func TestDescribeCurve(t *testing.T) {
	g := gomega.NewWithT(t)
	r := &load.Result{Seconds: 10, Latencies: load.NewLatencies(), Counts: load.Counts{Planned: 9000, OK: 9000, Warmup: 1000}, Usage: []load.Usage{{Name: "gateway", CPUSeconds: 3, MemoryBytes: 5e7}}}
	curve := &page.Curve{Rate: 900, Trials: []*load.Trial{{Rate: 900, Result: r}, {Rate: 1800, Broke: "p99 is 2s", Result: r}}}
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
