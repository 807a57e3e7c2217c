package ci

import (
	"encoding/json"
	"fmt"
	"strings"

	"istio-conformance/internal/report"
)

// badge is what shields.io's endpoint badge reads (shields.io, "Endpoint Badge").
type badge struct {
	SchemaVersion int    `json:"schemaVersion"`
	Label         string `json:"label"`
	Message       string `json:"message"`
	Color         string `json:"color"`
	IsError       bool   `json:"isError,omitempty"`
}

// Badge renders badge.json.
func Badge(doc *report.Report, _ string) ([]byte, error) {
	b := badge{SchemaVersion: 1, Label: "istio conformance", IsError: doc.Verdict == report.VerdictError}
	if e := doc.Environment; e.Istio != "" && e.Kubernetes != "" {
		b.Label = fmt.Sprintf("Istio %s on Kubernetes %s", e.Istio, strings.TrimPrefix(e.Kubernetes, "v"))
	}
	n := report.Count(doc.Tests)
	switch doc.Verdict {
	case report.VerdictPass:
		b.Message, b.Color = fmt.Sprintf("%d passed", n.Passed+n.Flaky), "brightgreen"
		if n.Flaky > 0 {
			b.Message, b.Color = b.Message+fmt.Sprintf(", %d flaky", n.Flaky), "yellowgreen"
		}
		if doc.PassesUnjudged() {
			b.Message, b.Color = b.Message+", "+report.NotJudged, "yellowgreen"
		}
	case report.VerdictFail:
		b.Message, b.Color = "fail", "red"
		if n.Failed > 0 {
			b.Message = fmt.Sprintf("%d of %d failed", n.Failed, n.Total-n.Skipped)
		}
	case report.VerdictInvalid:
		b.Message, b.Color = "invalid", "yellow"
	default:
		b.Message, b.Color = "error", "lightgrey"
	}
	if note := doc.Environment.Support.Note(); note != "" {
		b.Message += ", " + note
	}
	content, err := json.Marshal(b)
	return append(content, '\n'), err
}
