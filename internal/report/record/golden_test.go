package record

import (
	"testing"

	"istio-conformance/internal/report"
)

func TestGolden(t *testing.T) {
	for name, scenario := range map[string]func(*testing.T, func(*Options)) *run{
		"green": greenRun, "red": redRun, "aborted": abortedRun, "unjudged": unjudgedRun, "required": requiredRun,
	} {
		t.Run(name, func(t *testing.T) {
			r := scenario(t, nil)
			golden(t, name+"-console.txt", r.screen.Bytes())
			golden(t, name+"-report.json", r.read(report.JSONName))
			golden(t, name+"-junit.xml", r.read(junitName))
			golden(t, name+"-summary.md", r.read(report.MarkdownName))
		})
		t.Run(name+" on a narrow terminal", func(t *testing.T) {
			r := scenario(t, func(o *Options) { o.Terminal, o.Color, o.Width = true, true, 60 })
			golden(t, name+"-terminal.txt", readable(r.screen.Bytes()))
		})
	}
}
