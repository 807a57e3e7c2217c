package stripes

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/traffic/openloop"
)

var start = time.Unix(1_800_000_000, 42)

// value is an answer's time; they are spread, so that the encoding is long.
func value(k int) time.Duration {
	return time.Duration(rand.New(rand.NewPCG(uint64(k), 1)).ExpFloat64() * float64(5*time.Millisecond))
}

// part returns a stripe's result with n answers, and what its generator prints.
func part(t *testing.T, index, of, n int) []byte {
	t.Helper()
	r := &openloop.Result{
		Schema: openloop.Schema, Name: "gateway", Rate: 1000, Seconds: float64(of*n) / 1000, Started: start, Stripes: []openloop.Stripe{{Index: index, Count: of}},
		Counts: openloop.Counts{Planned: int64(n), OK: int64(n)}, Errors: map[string]int64{}, Latencies: openloop.NewLatencies(), Invalid: []string{"p50 needs 200 answers"},
	}
	for i := range n {
		k := i*of + index
		r.Response.Record(value(k))
		r.OwnLag.Record(time.Microsecond)
	}
	var out bytes.Buffer
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if len(line) > 16<<10 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
	return out.Bytes()
}

func TestMergeLosesNothing(t *testing.T) {
	parts := map[int][]byte{}
	for i := range 4 {
		// Other output before, between and after does no harm.
		parts[i] = append([]byte("hello\n"), append(part(t, i, 4, 5000), []byte("bye\n")...)...)
	}
	whole, err := Merge(parts, 4, openloop.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	single, err := Merge(map[int][]byte{0: part(t, 0, 1, 20000)}, 1, openloop.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if len(whole.Invalid) != 0 || whole.Counts.OK != 20000 || len(whole.Stripes) != 4 {
		t.Errorf("%+v %v %q", whole.Counts, whole.Stripes, whole.Invalid)
	}
	for _, q := range []float64{0.5, 0.9, 0.99, 0.999, 1} {
		if a, b := whole.Response.Quantile(q), single.Response.Quantile(q); a != b {
			t.Errorf("quantile %v of four is %s, of one %s", q, a, b)
		}
	}
}

func TestMergeIsInvalidWhenAPartIsNotThere(t *testing.T) {
	good := part(t, 1, 2, 5000)
	lines := bytes.SplitAfter(part(t, 0, 2, 5000), []byte("\n"))
	if len(lines) < 3 {
		t.Fatalf("only %d lines: nothing to lose", len(lines))
	}
	damaged := bytes.Join(lines, nil)
	at := len(damaged) - 100
	damaged[at] = map[bool]byte{true: 'B', false: 'A'}[damaged[at] == 'A']
	for want, parts := range map[string]map[int][]byte{
		"stripe 0 of 2 is missing":      {1: good},
		"0 of 0 lines of the result":    {0: []byte("nothing\n"), 1: good},
		"comes where line 1 was due":    {0: bytes.Join(lines[1:], nil), 1: good},
		"lines of the result are there": {0: bytes.Join(lines[:len(lines)-2], nil), 1: good},
		"checksum":                      {0: damaged, 1: good},
		"it is stripe {1 2}":            {0: good, 1: good},
		"comes where line":              {0: append(bytes.Join(lines, nil), bytes.Join(lines, nil)...), 1: good},
	} {
		whole, err := Merge(parts, 2, openloop.DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if got := strings.Join(whole.Invalid, "\n"); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := Merge(nil, 2, openloop.DefaultLimits()); err == nil {
		t.Error("nothing at all is a result")
	}
}
