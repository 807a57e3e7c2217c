package wording

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                         "plain",
		"\x1b[1;31mred\x1b[0m":          "red",
		"\x1b]0;title\x07text":          "text",
		"\x1b]8;;https://x\x1b\\link":   "link",
		"a\x1bMb\x1b(Bc\x1b":            "abc",
		"\u009b31mgone":                 "31mgone",
		"bell\a nul\x00 del\x7f":        "bell nul del",
		"dos\r\nmac\rend":               "dos\nmac\nend",
		"\n  indented\n\tkept  \n\n":    "  indented\n\tkept",
		"bad \xff utf-8":                "bad \ufffd utf-8",
		"xml \ufffe\uffff \U0001f600 é": "xml  \U0001f600 é",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  []string
	}{
		{"one two three", 0, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"  one two three", 9, []string{"  one two", "  three"}},
		{"see https://istio.io/latest/docs now", 10, []string{"see", "https://istio.io/latest/docs", "now"}},
		{"a  b\n\nc\td", 20, []string{"a  b", "", "c    d"}},
		{"éé éé éé", 5, []string{"éé éé", "éé"}},
		{"", 5, []string{""}},
	} {
		gomega.NewWithT(t).Expect(Wrap(tt.text, tt.width)).To(gomega.Equal(tt.want), "wrap(%q, %d)", tt.text, tt.width)
	}
}

func TestHuman(t *testing.T) {
	for in, want := range map[float64]string{
		0: "0.0s", 0.04: "0.0s", 0.44: "0.4s", 59.94: "59.9s", 59.96: "1m00s", 161.3: "2m41s", 3599.6: "1h00m", 3720: "1h02m",
	} {
		if got := Duration(in); got != want {
			t.Errorf("Duration(%g) = %q, want %q", in, got, want)
		}
	}
	if got := Elapsed(59*time.Second + 990*time.Millisecond); got != "59s" {
		t.Errorf("elapsed = %q, want 59s", got)
	}
}

func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{{"short", 5, "short"}, {"longer", 5, "long…"}, {"ééé", 2, "é…"}, {"any", 0, "any"}} {
		if got := Truncate(tt.in, tt.width); got != tt.want {
			t.Errorf("truncate(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}
