package openloop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms hold 64 ns to one minute with three significant digits, those of
// single seconds with two. What is longer counts as one minute and is counted
// apart: requests time out long before.
const (
	lowest         = 100 // ns; the histogram's unit becomes 64 ns
	highest        = int64(time.Minute)
	fineDigits     = 3
	intervalDigits = 2
)

// Histogram counts durations. Histograms of the same kind merge without loss.
type Histogram struct {
	hdr     *hdrhistogram.Histogram
	clipped int64
}

// NewHistogram returns an empty histogram with three significant digits.
func NewHistogram() *Histogram {
	return &Histogram{hdr: hdrhistogram.New(lowest, highest, fineDigits)}
}

func newIntervalHistogram() *Histogram {
	return &Histogram{hdr: hdrhistogram.New(lowest, highest, intervalDigits)}
}

// Record counts a duration; one below zero counts as zero. It does not allocate.
func (h *Histogram) Record(d time.Duration) {
	n := max(0, int64(d))
	if n > highest {
		n = highest
		h.clipped++
	}
	if err := h.hdr.RecordValue(n); err != nil {
		// Unreachable: n is within the bounds that the histogram was made for.
		h.clipped++
	}
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() int64 { return h.hdr.TotalCount() }

// Quantile returns the duration that the share q of all does not exceed; q is
// between 0 and 1. An empty histogram returns 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.hdr.ValueAtQuantile(q * 100))
}

// Max returns the longest duration.
func (h *Histogram) Max() time.Duration { return time.Duration(h.hdr.Max()) }

// Mean returns the mean of all durations.
func (h *Histogram) Mean() time.Duration { return time.Duration(h.hdr.Mean()) }

// Merge adds what other counted. It fails when that would lose anything.
func (h *Histogram) Merge(other *Histogram) error {
	if h.hdr.SignificantFigures() != other.hdr.SignificantFigures() ||
		h.hdr.LowestTrackableValue() != other.hdr.LowestTrackableValue() ||
		h.hdr.HighestTrackableValue() != other.hdr.HighestTrackableValue() {
		return errors.New("histograms of different kinds cannot be merged without loss")
	}
	if dropped := h.hdr.Merge(other.hdr); dropped != 0 {
		return fmt.Errorf("merging histograms lost %d of %d values", dropped, other.Count())
	}
	h.clipped += other.clipped
	return nil
}

// Point is one step of the distribution.
type Point struct {
	// Quantile is between 0 and 1.
	Quantile float64
	Value    time.Duration
}

// Points returns the distribution with ever finer steps towards 1, for drawing.
func (h *Histogram) Points() []Point {
	var points []Point
	if h.Count() == 0 {
		return nil
	}
	for _, b := range h.hdr.CumulativeDistributionWithTicks(5) {
		points = append(points, Point{b.Quantile / 100, time.Duration(b.ValueAt)})
	}
	return points
}

// WriteHGRM writes the percentile table that HdrHistogram's plotter reads, in milliseconds.
func (h *Histogram) WriteHGRM(w io.Writer) error {
	_, err := h.hdr.PercentilesPrint(w, 5, float64(time.Millisecond))
	return err
}

// histogramJSON is for people, but for HDR, which is for programs.
type histogramJSON struct {
	Count      int64              `json:"count"`
	MeanMicros float64            `json:"meanMicros"`
	Micros     map[string]float64 `json:"micros"`
	// Clipped counts the durations above one minute.
	Clipped int64 `json:"clipped,omitempty"`
	// HDR is the V2 compressed encoding, in base64.
	HDR string `json:"hdr"`
}

// shownQuantiles are those that JSON and console show.
var shownQuantiles = []struct {
	name string
	q    float64
}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}}

// MarshalJSON implements json.Marshaler.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	encoded, err := h.hdr.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return nil, fmt.Errorf("encode a histogram: %w", err)
	}
	out := histogramJSON{Count: h.Count(), MeanMicros: micros(h.Mean()), Micros: map[string]float64{}, Clipped: h.clipped, HDR: string(encoded)}
	for _, shown := range shownQuantiles {
		out.Micros[shown.name] = micros(h.Quantile(shown.q))
	}
	return json.Marshal(out)
}

// UnmarshalJSON implements json.Unmarshaler; only HDR and Clipped count.
func (h *Histogram) UnmarshalJSON(data []byte) error {
	var in histogramJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	hdr, err := hdrhistogram.Decode([]byte(in.HDR))
	if err != nil {
		return fmt.Errorf("decode a histogram: %w", err)
	}
	if hdr.TotalCount() != in.Count {
		return fmt.Errorf("a histogram says it counts %d and holds %d", in.Count, hdr.TotalCount())
	}
	h.hdr, h.clipped = hdr, in.Clipped
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()/10) / 100 }
