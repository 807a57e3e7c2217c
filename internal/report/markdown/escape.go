package markdown

import (
	"html"
	"net/url"
	"strings"

	"istio-conformance/internal/report/wording"
)

// Escape makes text plain in a line, a list or a table: no markup, no HTML, no
// line break. Any ASCII punctuation may be escaped (GitHub Flavored Markdown 2.4).
func Escape(s string) string {
	var b strings.Builder
	for _, c := range wording.OneLine(s) {
		switch {
		case c == '<' || c == '>' || c == '&':
			b.WriteString(html.EscapeString(string(c)))
			continue
		case strings.ContainsRune("\\`*_[]|#~!$", c):
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// code is text as a code span.
func code(s string) string {
	s = wording.OneLine(s)
	if s == "" {
		return ""
	}
	ticks := strings.Repeat("`", longestRun(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// link is an http(s) address as a link, anything else as text.
func link(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || strings.ContainsAny(s, " <>`|\n") {
		return Escape(s)
	}
	return "<" + s + ">"
}

func longestRun(s string, of rune) int {
	longest, run := 0, 0
	for _, c := range s {
		run++
		if c != of {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}
