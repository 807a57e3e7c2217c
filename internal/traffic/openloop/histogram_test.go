package openloop

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

func TestHistogramPrecision(t *testing.T) {
	for _, d := range []time.Duration{0, 700, 53 * time.Microsecond, 1234567, time.Second, 59 * time.Second} {
		h := NewHistogram()
		h.Record(d)
		if got := h.Quantile(0.5); math.Abs(float64(got-d)) > max(64, float64(d)/1000) {
			t.Errorf("%s was recorded as %s", d, got)
		}
	}
	h := NewHistogram()
	h.Record(-5)
	h.Record(2 * time.Minute)
	if h.Count() != 2 || h.clipped != 1 || h.Max() < time.Minute {
		t.Errorf("count %d, clipped %d, max %s", h.Count(), h.clipped, h.Max())
	}
	if NewHistogram().Quantile(0.99) != 0 {
		t.Error("an empty histogram has a quantile")
	}
}

func TestHistogramMergesWithoutLoss(t *testing.T) {
	all, a, b := NewHistogram(), NewHistogram(), NewHistogram()
	for i := range 10000 {
		d := time.Duration(i*i) * time.Microsecond / 100
		all.Record(d)
		if i%3 == 0 {
			a.Record(d)
		} else {
			b.Record(d)
		}
	}
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	if !a.hdr.Equals(all.hdr) {
		t.Error("the parts are not the whole")
	}
	if a.Merge(newIntervalHistogram()) == nil {
		t.Error("histograms of different precision were merged")
	}
}

func TestHistogramJSON(t *testing.T) {
	h := NewHistogram()
	for i := range 1000 {
		h.Record(time.Duration(i) * time.Microsecond)
	}
	data, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var back Histogram
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !back.hdr.Equals(h.hdr) || back.Merge(h) != nil {
		t.Errorf("it came back differently: %s", data)
	}
	for name, bad := range map[string]string{
		"count": strings.Replace(string(data), `"count":1000`, `"count":999`, 1),
		"data":  `{"count":1,"hdr":"AAAA"}`,
	} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestHGRM(t *testing.T) {
	h := NewHistogram()
	h.Record(1500 * time.Microsecond)
	var b strings.Builder
	if err := h.WriteHGRM(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "1.500") || !strings.Contains(b.String(), "Total count") {
		t.Errorf("not in milliseconds: %s", b.String())
	}
}

func TestRecordDoesNotAllocate(t *testing.T) {
	h := NewHistogram()
	if n := testing.AllocsPerRun(1000, func() { h.Record(time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
