package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"istio-conformance/internal/report/wording"
)

// Repeated is how the repetitions of one journey fared together.
type Repeated struct {
	// Name is the journey with its versions and values.
	Name string
	// Verdict is the worst of the repetitions that decide something.
	Verdict Verdict
	// Repetitions are all that were made, Invalid those that were no measurement,
	// Failed those that failed for whatever reason. The rest of the numbers leave the
	// invalid ones out.
	Repetitions, Invalid, Failed int
	// Requests are those of all kinds of traffic; LongestGapMillis is the longest of
	// any repetition, in milliseconds.
	Requests         int
	LongestGapMillis float64
	// Lost is how many requests each repetition lost, in ascending order.
	Lost []int
}

// RepeatedUpgrades sums the repetitions of each journey up, in the order in which they
// were made. A journey that was made once is not among them.
func RepeatedUpgrades(all []Upgrade) []Repeated {
	var sums []Repeated
	for at, u := range all {
		if u.Journey == "" {
			continue
		}
		name := journeyName(u)
		i := slices.IndexFunc(sums, func(r Repeated) bool { return r.Name == name })
		if i < 0 {
			i = len(sums)
			sums = append(sums, Repeated{Name: name, Verdict: VerdictPass})
		}
		sums[i].add(u, Replaced(all, at))
	}
	sums = slices.DeleteFunc(sums, func(r Repeated) bool { return r.Repetitions < 2 })
	for _, r := range sums {
		slices.Sort(r.Lost)
	}
	return sums
}

func (r *Repeated) add(u Upgrade, replaced bool) {
	r.Repetitions++
	switch u.Verdict {
	case VerdictPass:
	case VerdictInvalid:
		r.Invalid++
		if r.Verdict == VerdictPass && !replaced {
			r.Verdict = VerdictInvalid
		}
		return
	default:
		r.Failed++
		r.Verdict = VerdictFail
	}
	r.Requests += u.Requests
	r.Lost = append(r.Lost, u.Failed)
	r.LongestGapMillis = max(r.LongestGapMillis, u.LongestGapMillis)
}

// Replaced says that a repetition decides nothing: it was no measurement, and one more
// of the same journey was made after it.
func Replaced(all []Upgrade, i int) bool {
	return all[i].Again && slices.ContainsFunc(all[i+1:], func(u Upgrade) bool { return journeyName(u) == journeyName(all[i]) })
}

// Losing is how many repetitions lost requests.
func (r *Repeated) Losing() int {
	n := 0
	for _, lost := range r.Lost {
		if lost > 0 {
			n++
		}
	}
	return n
}

// AllLost is how many requests were lost in all.
func (r *Repeated) AllLost() int {
	n := 0
	for _, lost := range r.Lost {
		n += lost
	}
	return n
}

// Spread says how many requests one repetition lost: the fewest, the median, the most.
func (r *Repeated) Spread() string {
	if len(r.Lost) == 0 {
		return "not measured"
	}
	low, middle, high := r.Lost[0], r.Lost[(len(r.Lost)-1)/2], r.Lost[len(r.Lost)-1]
	if low == high {
		return strconv.Itoa(low)
	}
	return fmt.Sprintf("%d to %d, median %d", low, high, middle)
}

// confidence is that of AtMost.
const confidence = 0.95

// AtMost is the percentage of such journeys, rounded up, that may lose requests although
// none of the repetitions did, at 95 % confidence: the exact upper limit of Clopper and
// Pearson (1934), one-sided, for no event in n trials. It is not known when one lost
// some, when one failed and so did not go all the way, and when none was measured.
func (r *Repeated) AtMost() (percent int, known bool) {
	if len(r.Lost) == 0 || r.Losing() > 0 || r.Failed > 0 {
		return 0, false
	}
	return int(math.Ceil(100 * (1 - math.Pow(1-confidence, 1/float64(len(r.Lost)))))), true
}

// Note is the sum in one line.
func (r *Repeated) Note() string {
	parts := []string{wording.Plural(r.Repetitions, "repetition")}
	if r.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", r.Failed))
	}
	if r.Invalid > 0 {
		parts = append(parts, fmt.Sprintf("%d no measurement", r.Invalid))
	}
	if len(r.Lost) == 0 {
		return strings.Join(parts, ", ")
	}
	parts = append(parts, fmt.Sprintf("%d of %s failed", r.AllLost(), wording.Plural(r.Requests, "request")))
	if losing := r.Losing(); losing > 0 {
		parts = append(parts, fmt.Sprintf("in %d of %d, each %s", losing, len(r.Lost), r.Spread()))
	}
	if percent, known := r.AtMost(); known {
		parts = append(parts, fmt.Sprintf("at most %d %% of such journeys lose any (95 %% confidence)", percent))
	}
	return strings.Join(append(parts, fmt.Sprintf("longest gap %.0f ms", r.LongestGapMillis)), ", ")
}
