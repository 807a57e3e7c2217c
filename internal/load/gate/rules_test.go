package gate

import (
	"strings"
	"testing"

	"istio-conformance/internal/load"
)

func TestDefaultRules(t *testing.T) {
	r := rules(t)
	if r.Limits != load.DefaultLimits() {
		t.Errorf("the limits of fixtures/load.yaml, %+v, are not the generator's defaults, %+v", r.Limits, load.DefaultLimits())
	}
	for _, name := range []string{"short", "full", "beside"} {
		p, found := r.Profiles[name]
		if !found {
			t.Fatalf("there is no profile %s", name)
		}
		if err := r.With(p).Check(); err != nil {
			t.Errorf("profile %s: %v", name, err)
		}
		// One block must be enough for the quantile that always gates.
		if answers := p.Schedule().Rate * p.BlockSeconds; answers < r.Limits.TailSamples/(1-r.Quantiles[0].Q) {
			t.Errorf("profile %s: %v answers are too few for p50", name, answers)
		}
	}
}

func TestParseRulesRefuses(t *testing.T) {
	const good = "alpha: 0.01\nrounds: 10\nextension: 10\nquantiles: [{q: 0.5, margin: 1.05, maxMargin: 1.1, floorMicros: 50, ceilingMicros: 1}]\n"
	if _, err := ParseRules([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"alpha: 0.01":     "alpha: 0.7",
		"rounds: 10":      "rounds: 7", // with an extension each look has half of alpha
		"extension: 10":   "extension: -1",
		"q: 0.5":          "q: 1.5",
		"margin: 1.05":    "margin: 0.9",
		"maxMargin: 1.1":  "maxMargin: 1.01",
		"floorMicros: 50": "flor: 50",
		"quantiles":       "quantile",
		", ceilingMicros": ", x",
	} {
		if _, err := ParseRules([]byte(strings.Replace(good, from, to, 1))); err == nil {
			t.Errorf("%s instead of %s is accepted", to, from)
		}
	}
}
