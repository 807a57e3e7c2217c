package report

import "time"

// Upgrade is one journey between two versions of Istio under traffic: forward,
// back and forward again.
type Upgrade struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Verdict is VerdictPass, VerdictFail or VerdictInvalid.
	Verdict  Verdict `json:"verdict"`
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	// LongestGapMillis is the longest time without an answered request of any one
	// kind of traffic, in milliseconds.
	LongestGapMillis float64     `json:"longestGapMillis"`
	Phases           []PhaseTime `json:"phases"`

	// Journey is how: in-place, canary-revision, canary-tag or values.
	Journey string `json:"journey,omitempty"`
	// Values are the Helm values that were used: charts (their defaults) or recommended.
	Values string `json:"values,omitempty"`
	// Repetition counts from 1.
	Repetition int `json:"repetition,omitempty"`
	// Again says that this repetition was no measurement, and that one more was made
	// in its place: it decides nothing.
	Again bool `json:"again,omitempty"`
	// Budget is how many requests might fail; 0 unless the user allowed more.
	Budget int `json:"budget,omitempty"`
	// Forced says that the path is not one that Istio supports, and who runs it
	// has insisted.
	Forced bool `json:"forced,omitempty"`
	// Reasons say why the verdict is not pass.
	Reasons []string `json:"reasons,omitempty"`
	// Started is when the traffic began. Every At, Start and End below is in
	// seconds after it.
	Started time.Time `json:"started,omitzero"`
	Seconds float64   `json:"seconds,omitempty"`
	// Steps are in their order and do not overlap.
	Steps []UpgradeStep `json:"steps,omitempty"`
	// Traffic holds one entry a kind of traffic.
	Traffic []UpgradeTraffic `json:"traffic,omitempty"`
	// Witnesses are what the proxies logged of requests that failed, and what the
	// clients saw of them, the first few of each.
	Witnesses []string `json:"witnesses,omitempty"`
}

// UpgradeStep is one change of a journey, with what the traffic saw meanwhile.
type UpgradeStep struct {
	// Name is what changed, such as istiod; Leg is forward, rollback or forward-again.
	Name string `json:"name"`
	Leg  string `json:"leg"`
	// From and To are the versions that this step changes between; both the same
	// for a soak.
	From  string  `json:"from"`
	To    string  `json:"to"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	// Changed is when the change itself was done and the checks began; between
	// Start and End.
	Changed  float64        `json:"changed"`
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Errors   map[string]int `json:"errors,omitempty"`
	// LongestGapMillis is the longest time without an answer within the step.
	LongestGapMillis float64 `json:"longestGapMillis"`
	// LongestSendGapMillis is the longest time within the step in which some kind of
	// traffic sent nothing, and LongestSendGapOf that kind: an outage that was shorter
	// may have lost nothing of it.
	LongestSendGapMillis float64 `json:"longestSendGapMillis,omitempty"`
	LongestSendGapOf     string  `json:"longestSendGapOf,omitempty"`
	// P99Micros is the highest p99 of any second of the step, BeforeP99Micros the
	// median p99 of the seconds before the first step; in microseconds.
	P99Micros       float64 `json:"p99Micros"`
	BeforeP99Micros float64 `json:"beforeP99Micros"`
	// Observed is what the checks after the step saw, Failures what did not hold.
	Observed []string `json:"observed,omitempty"`
	Failures []string `json:"failures,omitempty"`
}

// UpgradeTraffic is one kind of traffic that ran through a whole journey.
type UpgradeTraffic struct {
	// Name is the kind, such as http1-keep-alive; Description says what it is like.
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Rate is in requests per second.
	Rate             float64        `json:"rate"`
	Requests         int            `json:"requests"`
	Failed           int            `json:"failed"`
	Errors           map[string]int `json:"errors,omitempty"`
	LongestGapMillis float64        `json:"longestGapMillis"`
	// LongestSendGapMillis is the longest time in which nothing was sent; on streams,
	// in which no message was on its way.
	LongestSendGapMillis float64 `json:"longestSendGapMillis,omitempty"`
	// NeverSent is how many requests were due beside Requests and not sent, because
	// they had waited too long for a connection: the machine or the path was too slow
	// for the rate. They were not lost by what they never reached.
	NeverSent int `json:"neverSent,omitempty"`
	// Resent is how many messages were on their way when their stream ended, and
	// came back on the next one.
	Resent int `json:"resent,omitempty"`
	// Opened is how many connections were made.
	Opened int `json:"opened"`
	// SendLagP99Micros is how late the generator itself sent, in microseconds.
	SendLagP99Micros float64 `json:"sendLagP99Micros"`
	// Invalid says why this is no measurement; empty means that it is one.
	Invalid []string `json:"invalid,omitempty"`
	// Timeline has one entry a second.
	Timeline []UpgradeSecond `json:"timeline"`
}

// UpgradeSecond is one second of one kind of traffic, by the time of the answer.
type UpgradeSecond struct {
	At        int            `json:"at"`
	OK        int            `json:"ok"`
	Errors    map[string]int `json:"errors,omitempty"`
	P50Micros float64        `json:"p50Micros"`
	P99Micros float64        `json:"p99Micros"`
	// GapMillis is the longest time without an answer that ended in this second or
	// still went on, in milliseconds.
	GapMillis float64 `json:"gapMillis"`
	// SendGapMillis is the same of the time in which nothing was sent.
	SendGapMillis float64 `json:"sendGapMillis,omitempty"`
}
