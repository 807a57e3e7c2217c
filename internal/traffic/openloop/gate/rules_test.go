package gate

import (
	"cmp"
	"math"
	"strings"
	"testing"

	"istio-conformance/internal/traffic/openloop"
)

func TestDefaultRules(t *testing.T) {
	r := rules(t)
	if r.Limits != openloop.DefaultLimits() {
		t.Errorf("the limits of fixtures/load.yaml, %+v, are not the generator's defaults, %+v", r.Limits, openloop.DefaultLimits())
	}
	for _, name := range []string{"short", "full", "beside"} {
		p, found := r.Profiles[name]
		if !found {
			t.Fatalf("there is no profile %s", name)
		}
		rules := r.With(p)
		if err := rules.Check(); err != nil {
			t.Errorf("profile %s: %v", name, err)
		}
		// One block must be enough for the quantile that always gates.
		if answers := cmp.Or(p.LeastRate, p.Rate) * p.BlockSeconds; answers < rules.Limits.TailSamples/(1-rules.Quantiles[0].Q) {
			t.Errorf("profile %s: %v answers are too few for p50", name, answers)
		}
	}
}

// What all looks together spend is alpha.
func TestLevels(t *testing.T) {
	for _, looks := range [][]int{{8}, {8, 16}, {8, 12, 16, 20}, {12, 24}} {
		r := &Rules{Alpha: 0.01, PassAlpha: 0.05, Looks: looks}
		spent := 0.0
		for i := range looks {
			spent += r.share(i)
		}
		if math.Abs(spent-1) > 1e-12 {
			t.Errorf("%v spends %v", looks, spent)
		}
		if err := r.checkLooks(); err != nil {
			t.Error(err)
		}
	}
}

func TestParseRulesRefuses(t *testing.T) {
	const good = "alpha: 0.01\npassAlpha: 0.01\nlooks: [8, 16]\nbusyShare: 0.3\nquantiles: [{q: 0.5, margin: 1.05, maxMargin: 1.1, floorMicros: 50, ceilingMicros: 1}]\n"
	if _, err := ParseRules([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"alpha: 0.01":      "alpha: 0.7",
		"looks: [8, 16]":   "looks: [7, 14]", // with two looks each has half of alpha
		", 16":             ", 8",
		"[8, 16]":          "[]",
		"busyShare: 0.3":   "busyShare: 1",
		"ceilingMicros: 1": "ceilingMicros: 1, optional: true",
		"q: 0.5":           "q: 1.5",
		"margin: 1.05":     "margin: 0.9",
		"maxMargin: 1.1":   "maxMargin: 1.01",
		"floorMicros: 50":  "flor: 50",
		"quantiles":        "quantile",
		", ceilingMicros":  ", x",
	} {
		if _, err := ParseRules([]byte(strings.Replace(good, from, to, 1))); err == nil {
			t.Errorf("%s instead of %s is accepted", to, from)
		}
	}
}
