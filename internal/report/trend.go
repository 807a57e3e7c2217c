package report

// Trend is how something that a process uses changed over a long time.
type Trend struct {
	// Group is drawn in one chart, such as "memory of istiod"; Name is the process in it.
	Group string `json:"group"`
	Name  string `json:"name"`
	// Unit is that of the values: MiB or files.
	Unit string `json:"unit"`
	// Verdict is VerdictPass, VerdictFail or VerdictInconclusive; Reason says why it is the
	// last one.
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	// PerHour is the slope, bounded by Low and High; all are 0 where too little was seen.
	PerHour float64 `json:"perHour"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
	// Allowed is the largest slope that passes.
	Allowed float64 `json:"allowed"`
	// WarmSeconds is the time from the beginning that is not judged.
	WarmSeconds float64      `json:"warmSeconds"`
	Points      []TrendPoint `json:"points"`
}

// TrendPoint is a value at a time in seconds since the beginning.
type TrendPoint struct {
	At    float64 `json:"at"`
	Value float64 `json:"value"`
}

// trend checks one trend: its verdict follows from its interval.
func (p *problems) trend(at string, t Trend) {
	p.check(t.Group != "" && t.Name != "" && t.Unit != "", "%s: group, name or unit is empty", at)
	p.oneOf(at+": verdict", string(t.Verdict), string(VerdictPass), string(VerdictFail), string(VerdictInconclusive))
	p.check(t.Low <= t.PerHour && t.PerHour <= t.High, "%s: slope %g is not between %g and %g", at, t.PerHour, t.Low, t.High)
	p.check(t.Verdict != VerdictPass || t.High <= t.Allowed, "%s: passes although it may grow by %g an hour, %g are allowed", at, t.High, t.Allowed)
	p.check(t.Verdict != VerdictFail || t.Low > t.Allowed, "%s: fails although it may grow by %g an hour, %g are allowed", at, t.Low, t.Allowed)
	p.check(t.Verdict != VerdictInconclusive || t.Reason != "", "%s: decides nothing and gives no reason", at)
}
