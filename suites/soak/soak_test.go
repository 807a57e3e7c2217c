package soak

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// grown is a trend of twenty minutes, of which the first five grow whatever comes after,
// with a sample every five seconds.
func grown(value func(minute float64) float64) report.Trend {
	t := report.Trend{Group: "memory of istiod", Name: "p", Unit: "MiB", WarmSeconds: 300, Allowed: memory.perHour}
	for at := 0.0; at < 1200; at += 5 {
		warm := 20 * min(at, 300) / 300
		t.Points = append(t.Points, report.TrendPoint{At: at, Value: 50 + warm + value(at/60)})
	}
	return t
}

func TestGrowthIsJudged(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	noise := func() float64 { return random.NormFloat64() }
	for name, c := range map[string]struct {
		value func(float64) float64
		want  report.Verdict
	}{
		"steady":                    {func(float64) float64 { return 0 }, report.VerdictPass},
		"noise":                     {func(float64) float64 { return noise() }, report.VerdictPass},
		"a collector's saw":         {func(m float64) float64 { return 10 * math.Mod(m, 0.7) }, report.VerdictPass},
		"less than is allowed":      {func(m float64) float64 { return m/60*5 + 0.1*noise() }, report.VerdictPass},
		"a leak":                    {func(m float64) float64 { return m + noise() }, report.VerdictFail},
		"a leak below a saw":        {func(m float64) float64 { return m + 30*math.Mod(m, 0.7) }, report.VerdictFail},
		"a small step":              {func(m float64) float64 { return map[bool]float64{true: 1}[m > 12] }, report.VerdictPass},
		"about as much as may grow": {func(m float64) float64 { return m/60*17 + 0.5*noise() }, report.VerdictInconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			trend := grown(c.value)
			judge(&trend, memory.least)
			g.Expect(trend.Verdict).To(gomega.Equal(c.want), "%s", describe(&trend))
		})
	}
}

func TestTooFewSamplesDecideNothing(t *testing.T) {
	g := gomega.NewWithT(t)
	trend := grown(func(float64) float64 { return 0 })
	trend.Points = trend.Points[:70]
	judge(&trend, memory.least)
	g.Expect(trend.Verdict).To(gomega.Equal(report.VerdictInconclusive))
	g.Expect(trend.Reason).NotTo(gomega.BeEmpty())
}

func TestProcessesAreRead(t *testing.T) {
	g := gomega.NewWithT(t)
	all, err := parse("envoy backend-v1-x 4711 51200 33\npilot-discovery istiod-y 12 102400 21\n", time.Minute)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(all).To(gomega.Equal([]found{
		{process{"backend-v1-x", "envoy"}, "4711", point{time.Minute, 51200, 33}},
		{process{"istiod-y", "pilot-discovery"}, "12", point{time.Minute, 102400, 21}},
	}))
	for _, bad := range []string{"envoy\n", "envoy pod 1 x 3\n", "envoy pod 1 2 x\n"} {
		_, err := parse(bad, 0)
		g.Expect(err).To(gomega.HaveOccurred(), bad)
	}
}

func TestARestartIsNoted(t *testing.T) {
	g := gomega.NewWithT(t)
	w := &watched{series: map[process]*series{}}
	for _, start := range []string{"1", "1", "2", "2"} {
		w.note(found{process{"istiod-y", "pilot-discovery"}, start, point{}}, "istiod")
	}
	g.Expect(w.restarted).To(gomega.Equal([]string{"pilot-discovery of pod istiod-y was started anew"}))
	g.Expect(w.series[process{"istiod-y", "pilot-discovery"}].points).To(gomega.HaveLen(2))
}

func TestACertificatesAge(t *testing.T) {
	g := gomega.NewWithT(t)
	c, at := &certificate{}, time.Now()
	for i, serial := range []string{"1", "1", "2", "2", "2", "3"} {
		c.see(serial, at.Add(time.Duration(i)*time.Second))
	}
	g.Expect(*c).To(gomega.Equal(certificate{serial: "3", since: at.Add(5 * time.Second), longest: 2 * time.Second, seen: 3, looks: 6}))
}
