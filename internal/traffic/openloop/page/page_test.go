package page

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/gate"
)

func result(name string) *openloop.Result {
	r := &openloop.Result{
		Schema: openloop.Schema, Name: name, URL: "http://127.0.0.1/<x>", Protocol: openloop.HTTP1, Rate: 100, Seconds: 10, Errors: map[string]int64{},
		Counts: openloop.Counts{Planned: 1000, OK: 1000}, Latencies: openloop.NewLatencies(), Invalid: []string{},
	}
	for i := range 1000 {
		r.Response.Record(time.Duration(i) * 10 * time.Microsecond)
		r.Service.Record(time.Duration(i) * 9 * time.Microsecond)
	}
	return r
}

// read returns the page, which must not need anything from elsewhere.
func read(t *testing.T, dir string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	html := string(data)
	if found := regexp.MustCompile(`(?i)<(script|link|img|iframe|object)\b|\b(src|href)=|url\(|@import`).FindString(html); found != "" {
		t.Errorf("the page refers to something: %s", found)
	}
	return html
}

func TestWriteRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "dir")
	r := result("")
	r.Counts.OK, r.Counts.Failed, r.Errors["http 503 UF"] = 998, 2, 2
	if err := WriteRun(dir, r); err != nil {
		t.Fatal(err)
	}
	html := read(t, dir)
	for _, want := range []string{`class="verdict fail"`, "2 of 1000 requests failed: 2 http 503 UF", "http://127.0.0.1/&lt;x&gt;", "Latency by quantile"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is missing", want)
		}
	}
	r.Invalid = []string{"too little of everything"}
	if err := WriteRun(dir, r); err != nil {
		t.Fatal(err)
	}
	if html := read(t, dir); !strings.Contains(html, `class="verdict invalid"`) || !strings.Contains(html, "too little of everything") {
		t.Error("the page does not say that the run is invalid")
	}
	var back openloop.Result
	data, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	if err != nil || back.Response.Count() != 1000 || back.Errors["http 503 UF"] != 2 {
		t.Errorf("result.json: %v", err)
	}
	for _, name := range []string{"response", "service", "own-lag"} {
		if info, err := os.Stat(filepath.Join(dir, name+".hgrm")); err != nil || info.Size() == 0 {
			t.Errorf("%s.hgrm: %v", name, err)
		}
	}
}

func TestWriteComparison(t *testing.T) {
	rules, err := gate.DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	c, err := gate.Compare(t.Context(), gate.Plan{
		Name: "gateway-vs-direct", Kind: gate.Added, Rules: rules, Baseline: openloop.Path{Name: "direct"}, Candidate: openloop.Path{Name: "the/gateway"},
		Block:   openloop.Config{Schedule: openloop.Schedule{Rate: 100, Duration: 10 * time.Second}, Connections: 8},
		Measure: func(_ context.Context, c openloop.Config) (*openloop.Result, error) { return result(c.Path.Name), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := WriteComparison(dir, c); err != nil {
		t.Fatal(err)
	}
	html := read(t, dir)
	for _, want := range []string{`class="verdict pass"`, "<td>the/gateway", "gateway-vs-direct: p50 in each round", "reported only"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "the-gateway.hgrm")); err != nil {
		t.Error(err)
	}
}

func TestWriteCurve(t *testing.T) {
	dir := t.TempDir()
	curve := &Curve{Name: "x", Rate: 200, Trials: []*openloop.Trial{
		{Rate: 400, Broke: "only 300 requests/s were held", Result: result("")}, {Rate: 200, Result: result("")}, {Rate: 300, Doubt: "late", Result: result("")},
	}}
	if err := WriteCurve(dir, curve); err != nil {
		t.Fatal(err)
	}
	html := read(t, dir)
	for _, want := range []string{"200 requests/s are held", "broke: only 300", "unclear: late", "200/s held"} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

func TestSaveSaysWhatFailed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteRun(filepath.Join(file, "dir"), result("")); err == nil || !strings.Contains(err.Error(), "make the output directory") {
		t.Errorf("got %v", err)
	}
}
