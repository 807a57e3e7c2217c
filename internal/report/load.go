package report

// Load is the comparison of a candidate's latency with a baseline's, or what was
// found out about one path's capacity. Times are in microseconds, rates in
// requests per second.
type Load struct {
	Name string `json:"name"`
	// Verdict is VerdictPass, VerdictFail, VerdictInconclusive or VerdictInvalid.
	Verdict Verdict `json:"verdict"`
	Rate    float64 `json:"rate"`
	// Rounds is how often each path was measured, rounds that were left out included.
	Rounds   int `json:"rounds"`
	Requests int `json:"requests"`
	Errors   int `json:"errors"`
	// SendLagP99Micros is how late the generator itself sent.
	SendLagP99Micros float64    `json:"sendLagP99Micros"`
	Quantiles        []Quantile `json:"quantiles"`

	// Kind is the question: "added" (does the candidate add more than a ceiling?)
	// or "ratio" (is it slower than the baseline by more than a margin?).
	Kind string `json:"kind,omitempty"`
	// Baseline and Candidate are the names of two of the Paths.
	Baseline     string  `json:"baseline,omitempty"`
	Candidate    string  `json:"candidate,omitempty"`
	Connections  int     `json:"connections,omitempty"`
	BlockSeconds float64 `json:"blockSeconds,omitempty"`
	// Extended says that the first rounds decided nothing and that more were measured.
	Extended bool `json:"extended,omitempty"`
	// Reasons say why the verdict is not pass, the first one first.
	Reasons []string `json:"reasons,omitempty"`
	// Notes say what a reader must know: where the load came from, what each path
	// leads through, which quantiles this machine can judge.
	Notes []string `json:"notes,omitempty"`
	// LeftOut says for each round that was not used why it was not.
	LeftOut []string   `json:"leftOut,omitempty"`
	Paths   []LoadPath `json:"paths,omitempty"`
	// Capacity is the curve over the rates, for each path and number of connections.
	Capacity []Capacity `json:"capacity,omitempty"`
}

// HasInterval says whether enough rounds were measured for an interval of the ratio,
// HasAddedInterval for one of what is added.
func (q *Quantile) HasInterval() bool { return q.CIHigh > 0 }

// HasAddedInterval is explained at HasInterval.
func (q *Quantile) HasAddedInterval() bool { return q.AddedLowMicros != 0 || q.AddedHighMicros != 0 }

// Quantile compares one quantile of the latencies.
type Quantile struct {
	// Q is the quantile, above 0 and at most 1.
	Q               float64 `json:"q"`
	BaselineMicros  float64 `json:"baselineMicros"`
	CandidateMicros float64 `json:"candidateMicros"`
	// Ratio is candidate over baseline; CILow and CIHigh bound its confidence interval,
	// and are 0 where too few rounds were measured for one.
	Ratio  float64 `json:"ratio"`
	CILow  float64 `json:"ciLow"`
	CIHigh float64 `json:"ciHigh"`
	// Limit is the highest ratio that passes; 0 where the ratio decides nothing.
	Limit float64 `json:"limit"`

	// Verdict is this quantile's own. It is empty where the quantile is only
	// reported, and Reason says why.
	Verdict Verdict `json:"verdict,omitempty"`
	Reason  string  `json:"reason,omitempty"`
	// AddedMicros is candidate minus baseline, bounded by AddedLowMicros and
	// AddedHighMicros; LimitMicros is the highest that passes, 0 where it decides
	// nothing.
	AddedMicros     float64 `json:"addedMicros,omitempty"`
	AddedLowMicros  float64 `json:"addedLowMicros,omitempty"`
	AddedHighMicros float64 `json:"addedHighMicros,omitempty"`
	LimitMicros     float64 `json:"limitMicros,omitempty"`
	// AARatio compares the baseline with itself (A/A), bounded by AALow and AAHigh;
	// Resolution is the ratio, and ResolutionMicros the difference, below which the
	// machine's own spread hides everything.
	AARatio          float64 `json:"aaRatio,omitempty"`
	AALow            float64 `json:"aaLow,omitempty"`
	AAHigh           float64 `json:"aaHigh,omitempty"`
	Resolution       float64 `json:"resolution,omitempty"`
	ResolutionMicros float64 `json:"resolutionMicros,omitempty"`
	// Pairs are what each round that counts measured.
	Pairs []Pair `json:"pairs,omitempty"`
}

// Pair is what one round measured at one quantile: a value for each block.
type Pair struct {
	Round           int       `json:"round"`
	BaselineMicros  []float64 `json:"baselineMicros"`
	CandidateMicros []float64 `json:"candidateMicros"`
}

// LoadPath is everything that was measured on one path.
type LoadPath struct {
	Name string `json:"name"`
	// Role is baseline, candidate or other.
	Role     string `json:"role"`
	URL      string `json:"url,omitempty"`
	Requests int    `json:"requests"`
	Errors   int    `json:"errors"`
	// ErrorClasses counts the failed requests, e.g. "http 503 UF": 2.
	ErrorClasses map[string]int `json:"errorClasses,omitempty"`
	// Percentiles are the distribution of the response time, in steps that become
	// finer towards 1.
	Percentiles []Percentile `json:"percentiles,omitempty"`
	Seconds     []LoadSecond `json:"seconds,omitempty"`
}

// Percentile is one step of a distribution.
type Percentile struct {
	// Q is from 0 to 1.
	Q      float64 `json:"q"`
	Micros float64 `json:"micros"`
}

// LoadSecond is one second of a path's measurement.
type LoadSecond struct {
	// At is in seconds since the first block started.
	At float64 `json:"at"`
	// OK counts the good answers; the times are theirs, and 0 when there is none.
	OK        int     `json:"ok"`
	P50Micros float64 `json:"p50Micros"`
	P99Micros float64 `json:"p99Micros"`
	MaxMicros float64 `json:"maxMicros"`
	// Errors counts the failed requests by class.
	Errors map[string]int `json:"errors,omitempty"`
}

// Capacity is how one path behaves as the rate rises.
type Capacity struct {
	Path        string `json:"path"`
	Connections int    `json:"connections"`
	// KneeRate is the highest rate that was held, 0 when it was not found; Reason
	// says what ended the search.
	KneeRate float64     `json:"kneeRate"`
	Reason   string      `json:"reason,omitempty"`
	Points   []RatePoint `json:"points"`
}

// RatePoint is one rate of a Capacity.
type RatePoint struct {
	Rate float64 `json:"rate"`
	// Held is the rate at which requests were sent and answered in time.
	Held      float64 `json:"held"`
	P50Micros float64 `json:"p50Micros"`
	P90Micros float64 `json:"p90Micros"`
	P99Micros float64 `json:"p99Micros"`
	Errors    int     `json:"errors"`
	// Outcome is "held", or says in a few words why not, or why that is not known.
	Outcome string `json:"outcome"`
	// CPUPerThousand is how many CPUs the gateway used for each 1000 requests/s,
	// MemoryBytes its memory at the end; 0 when they are not known.
	CPUPerThousand float64 `json:"cpuPerThousand,omitempty"`
	MemoryBytes    float64 `json:"memoryBytes,omitempty"`
}
