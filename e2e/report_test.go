package e2e

import (
	"os"
	"path/filepath"
	"time"

	"istio-conformance/internal/options"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/ci"
	"istio-conformance/internal/report/html"
)

// reportOptions say where and how the report is written.
func reportOptions(o *options.Options, console *os.File) report.Options {
	terminal, width := report.Terminal(console)
	return report.Options{
		Dir: o.OutDir, Base: o.Root, RunID: time.Now().UTC().Format("20060102-150405.000"), Out: console,
		Terminal: terminal, Color: terminal && os.Getenv("NO_COLOR") == "", Width: width,
		Columns: func() int { _, columns := report.Terminal(console); return columns }, Timings: filepath.Join(o.CacheDir, "timings.json"),
		Also: append(ci.Outputs(), html.Output()),
	}
}
