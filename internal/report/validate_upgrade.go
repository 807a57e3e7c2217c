package report

import "fmt"

// upgrade checks one upgrade. What the report's own verdict cannot contradict is
// that the verdict, the failed requests and the budget agree.
func (p *problems) upgrade(at string, u Upgrade) {
	p.check(u.From != "" && u.To != "", "%s: from or to is empty", at)
	p.oneOf(at+": verdict", string(u.Verdict), string(VerdictPass), string(VerdictFail), string(VerdictInvalid))
	p.check(u.Requests >= u.Failed && u.Failed >= 0 && u.LongestGapMillis >= 0, "%s: counts that cannot be", at)
	p.check(u.Verdict != VerdictPass || u.Failed <= u.Budget, "%s: passes with %d failed requests, %d are allowed", at, u.Failed, u.Budget)
	p.check(u.Verdict == VerdictPass || u.Journey == "" || len(u.Reasons) > 0, "%s: does not pass and gives no reason", at)
	p.check(!u.Again || u.Verdict == VerdictInvalid, "%s: made again with the verdict %s, only what is %s is", at, u.Verdict, VerdictInvalid)
	p.phases(at+": phases", u.Phases)
	end := 0.0
	for i, s := range u.Steps {
		step := fmt.Sprintf("%s: steps[%d] %s %s", at, i, s.Leg, s.Name)
		p.check(s.Name != "" && s.Leg != "", "%s: name or leg is empty", step)
		p.check(s.Start >= end && s.Changed >= s.Start && s.End >= s.Changed, "%s: times are not in order", step)
		p.check(s.Requests >= s.Failed && s.Failed >= 0 && s.LongestGapMillis >= 0, "%s: counts that cannot be", step)
		p.check(u.Verdict != VerdictPass || len(s.Failures) == 0, "%s: failed in an upgrade that passes", step)
		end = s.End
	}
	for i, t := range u.Traffic {
		traffic := fmt.Sprintf("%s: traffic[%d] %s", at, i, t.Name)
		p.check(t.Name != "", "%s: name is empty", traffic)
		p.check(t.Requests >= t.Failed && t.Failed >= 0 && t.Rate > 0, "%s: counts that cannot be", traffic)
		p.check(u.Verdict != VerdictPass || len(t.Invalid) == 0, "%s: is no measurement in an upgrade that passes", traffic)
	}
}
