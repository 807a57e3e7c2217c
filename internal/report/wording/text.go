// Package wording is how reports and the console word things: plurals, durations,
// marks, and texts from elsewhere made safe to show.
package wording

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ansi matches terminal control sequences: CSI, OSC and the short ones (ECMA-48).
var ansi = regexp.MustCompile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b[ -/]*[0-~]?")

// Clean makes text from logs and errors safe to show and to store: no terminal
// control sequences, valid UTF-8, line feeds and tabs as the only control
// characters, nothing that XML 1.0 forbids, no blank line at either end.
func Clean(s string) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	s = ansi.ReplaceAllString(s, "")
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	s = strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' {
			return c
		}
		if unicode.IsControl(c) || c == '\ufffe' || c == '\uffff' {
			return -1
		}
		return c
	}, s)
	return strings.TrimRightFunc(strings.TrimLeft(s, "\n"), unicode.IsSpace)
}

// OneLine is Clean for what has to stay on one line.
func OneLine(s string) string { return strings.Join(strings.Fields(Clean(s)), " ") }

// CleanAll is Clean for each of a list.
func CleanAll(list []string) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, Clean(s))
	}
	return out
}

// Wrap splits text into lines of at most width characters, at spaces only, so
// that addresses, paths and commands stay whole. Continued lines keep the
// indentation. A width of 0 or less does not limit lines.
func Wrap(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\t", "    "), "\n") {
		if width <= 0 || utf8.RuneCountInString(line) <= width {
			lines = append(lines, line)
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		current := indent
		for word := range strings.FieldsSeq(line) {
			switch {
			case current == indent:
				current += word
			case utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) <= width:
				current += " " + word
			default:
				lines = append(lines, current)
				current = indent + word
			}
		}
		lines = append(lines, current)
	}
	return lines
}

// Truncate cuts a line to width characters, the last of them an ellipsis.
func Truncate(s string, width int) string {
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}

// HeadLines returns at most n lines of the text, and how many it left out.
func HeadLines(lines []string, n int) (head []string, left int) {
	if len(lines) <= n {
		return lines, 0
	}
	return lines[:n], len(lines) - n
}

// Duration returns seconds as people read them: 0.4s, 24.1s, 2m41s, 1h02m.
func Duration(seconds float64) string {
	if seconds < 59.95 {
		return fmt.Sprintf("%.1fs", seconds)
	}
	s := int(math.Round(seconds))
	if s < 3600 {
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
}

// Elapsed is Duration for a clock that runs: whole seconds.
func Elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
	return Duration(d.Truncate(time.Second).Seconds())
}

// Seconds returns the duration in seconds, to the millisecond.
func Seconds(d time.Duration) float64 { return Round(d.Seconds()) }

// Round rounds to three decimals, and gives 0 for what JSON cannot hold.
func Round(v float64) float64 {
	v = math.Round(v*1000) / 1000
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// Plural returns e.g. "1 check" or "3 checks".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Capital returns the text with a capital letter at its start; it must not be empty.
func Capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
