package record

import (
	"fmt"
	"math"
	"reflect"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// quantileField is the name of the fields that keep all their digits.
const quantileField = "Q"

// AddLoad records a latency comparison. One that holds a number that is not
// finite, e.g. a ratio over nothing, is invalid unless it failed, and that number
// becomes 0.
func (r *Recorder) AddLoad(l report.Load) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.Name = wording.OneLine(l.Name)
	finite := true
	l = settled(reflect.ValueOf(l), &finite).Interface().(report.Load)
	l.Quantiles = orEmpty(l.Quantiles)
	if !finite && l.Verdict != report.VerdictFail {
		const why = "it holds a number that is not finite"
		l.Verdict, l.Reasons = report.VerdictInvalid, append([]string{why}, l.Reasons...)
		r.warn(fmt.Sprintf("load %s is invalid: %s", l.Name, why))
	}
	r.report.Load = append(r.report.Load, l)
}

// settled returns a copy of a value made of structs, slices and numbers, its
// floating point numbers rounded as in the whole report. It clears finite when
// one of them is not.
func settled(v reflect.Value, finite *bool) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Float64:
		*finite = *finite && !math.IsNaN(v.Float()) && !math.IsInf(v.Float(), 0)
		out.SetFloat(wording.Round(v.Float()))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name != quantileField { // 0.9999 must not become 1
				out.Field(i).Set(settled(v.Field(i), finite))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			break
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(settled(v.Index(i), finite))
		}
	}
	return out
}

// AddUpgrade records an upgrade.
func (r *Recorder) AddUpgrade(u report.Upgrade) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.LongestGapMillis = wording.Round(u.LongestGapMillis)
	u.Phases = append([]report.PhaseTime{}, u.Phases...)
	r.report.Upgrade = append(r.report.Upgrade, u)
}

// AddTrend records how something changed over a long time.
func (r *Recorder) AddTrend(t report.Trend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	finite := true
	t = settled(reflect.ValueOf(t), &finite).Interface().(report.Trend)
	if !finite {
		r.warn(fmt.Sprintf("trend of %s, %s: a number is not finite, and is 0 here", t.Group, t.Name))
	}
	r.report.Trends = append(r.report.Trends, t)
}
