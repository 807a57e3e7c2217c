package e2e

import (
	"os"
	"path/filepath"
	"time"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/ci"
	"istio-conformance/internal/report/diff"
	"istio-conformance/internal/report/html"
	"istio-conformance/internal/report/junit"
	"istio-conformance/internal/report/markdown"
	"istio-conformance/internal/report/record"
	"istio-conformance/internal/stack/options"
)

// readBaseline returns the report of BASELINE, which is known to be one before hours
// have passed; nil where there is none.
func readBaseline(o *options.Options) (*report.Report, error) {
	if o.Baseline == "" {
		return nil, nil
	}
	baseline, err := report.Read(o.Baseline)
	if err != nil {
		return nil, exitcode.Usagef("BASELINE: %w", err)
	}
	return baseline, nil
}

// reportOptions say where and how the report is written, and what it is compared
// with, if with anything.
func reportOptions(o *options.Options, baseline *report.Report, console *os.File) record.Options {
	compare := diff.Against(baseline)
	kind := os.Getenv("TERM")
	terminal, width := record.Terminal(console, kind)
	return record.Options{
		Dir: o.OutDir, Base: o.Root, RunID: time.Now().UTC().Format("20060102-150405.000"), Out: console,
		Terminal: terminal, Color: terminal && os.Getenv("NO_COLOR") == "", Width: width,
		Columns: func() int { _, columns := record.Terminal(console, kind); return columns }, Timings: filepath.Join(o.CacheDir, "timings.json"),
		Required: o.Required(),
		Also:     append([]report.Output{junit.Output(), markdown.Output(compare)}, append(ci.Outputs(), html.Output(baseline))...), Compare: compare,
	}
}
