package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/traffic/openloop"
)

func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		idle, loaded float64
		rate         float64
		why          string
	}{
		// 100 requests/s cost 5 % of the CPUs' time, and 20 % are left.
		"between":           {0.13, 0.28, 400, "400 requests/s: the 2 CPUs were 13 % busy without load and 28 % at 300 requests/s, and shall be at most 33 %"},
		"a quick machine":   {0.02, 0.05, 600, "600 requests/s, the highest rate of the profile"},
		"nothing measured":  {0.05, 0.04, 600, "the highest rate"},
		"a slow machine":    {0.20, 0.60, 150, "150 requests/s, the lowest rate of the profile"},
		"a busy machine":    {0.50, 0.80, 150, "the lowest rate"},
		"nothing is known":  {-1, -1, 150, "the kernel does not tell"},
		"it became quieter": {0.60, 0.40, 150, "the lowest rate"},
	} {
		rate, why := pace(0.33, 150, 600, 300, openloop.Machine{CPUs: 2, Busy: c.idle}, openloop.Machine{CPUs: 2, Busy: c.loaded})
		if rate != c.rate || !strings.Contains(why, c.why) {
			t.Errorf("%s: %v, %s", name, rate, why)
		}
	}
}

// The rate that the machine chose is the one that is measured.
func TestCompareChoosesTheRate(t *testing.T) {
	m := &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}, spoil: busy(0.23)}
	var rates []float64
	c := compare(t, m, func(p *Plan) {
		p.LeastRate = 100
		p.Idle = func(context.Context, time.Duration) (openloop.Machine, error) {
			return openloop.Machine{CPUs: 2, Busy: 0.13}, nil
		}
		p.Measure = func(ctx context.Context, config openloop.Config) (*openloop.Result, error) {
			rates = append(rates, config.Schedule.Rate)
			return m.measure(ctx, config)
		}
	})
	// 500 requests/s cost 10 %, and 20 % are left.
	if c.Rate != 1000 || c.Probed != 20000 || rates[0] != 500 || rates[1] != 1000 || !strings.Contains(strings.Join(c.Report().Notes, "\n"), "1000 requests/s") {
		t.Errorf("%v: %v", c.Rate, rates[:2])
	}
}
