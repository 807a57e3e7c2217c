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
func reportOptions(o *options.Options, baseline *report.Report, console *os.File) report.Options {
	kind := os.Getenv("TERM")
	terminal, width := report.Terminal(console, kind)
	return report.Options{
		Dir: o.OutDir, Base: o.Root, RunID: time.Now().UTC().Format("20060102-150405.000"), Out: console,
		Terminal: terminal, Color: terminal && os.Getenv("NO_COLOR") == "", Width: width,
		Columns: func() int { _, columns := report.Terminal(console, kind); return columns }, Timings: filepath.Join(o.CacheDir, "timings.json"),
		Required: o.Required(),
		Also:     append(ci.Outputs(), html.Output(baseline)), Compare: diff.Against(baseline),
	}
}
