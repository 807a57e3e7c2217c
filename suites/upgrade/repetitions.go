package upgrade

import (
	"istio-conformance/internal/report"
)

// todo is how many repetitions of a journey are to be made.
type todo struct {
	// number grows by one with each repetition that is made again, spare is how many
	// more may be.
	number, spare int
}

// repetitions returns what is to be done for a number of measurements: one repetition in
// four, and at least one, may be made again because it was no measurement. A machine on
// which more of them are none is too busy to measure on.
func repetitions(wanted int) *todo { return &todo{number: wanted, spare: (wanted + 3) / 4} }

// most is how many repetitions there will be at most.
func (d *todo) most() int { return d.number + d.spare }

// count marks a repetition that is made again. Never one that failed: that is a verdict.
func (d *todo) count(u *report.Upgrade) {
	if u.Verdict != report.VerdictInvalid || d.spare == 0 {
		return
	}
	u.Again = true
	d.number++
	d.spare--
}
