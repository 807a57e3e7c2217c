package record

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// Colours (ECMA-48 "select graphic rendition" parameters).
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// Where a line's name ends and the widest that names are padded to.
const (
	widestName  = 46
	defaultWide = 80
)

// labelWidth aligns the labels below a line at their colons.
const labelWidth = 8

// Terminal says whether f is a terminal on which a line can be overwritten, and how
// many columns it has; 0 columns when it is none. kind is the user's TERM.
func Terminal(f *os.File, kind string) (terminal bool, width int) {
	if !term.IsTerminal(int(f.Fd())) || kind == "dumb" {
		return false, 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return true, defaultWide
	}
	return true, width
}

// console writes lines under headings and, on a terminal, one live line below
// them that is overwritten. It is not safe for concurrent use.
type console struct {
	out      io.Writer
	terminal bool
	color    bool
	width    int
	section  string
	live     bool
	// drawn is how many columns the live line takes.
	drawn int
	err   error
}

func newConsole(o Options) *console {
	c := &console{out: o.Out, terminal: o.Terminal, color: o.Color, width: o.Width}
	if c.out == nil {
		c.out = io.Discard
	}
	if c.terminal && c.width <= 0 {
		c.width = defaultWide
	}
	return c
}

// write keeps the first error: a closed console must not end a run, and the
// run's end reports it.
func (c *console) write(s string) {
	if _, err := io.WriteString(c.out, s); err != nil && c.err == nil {
		c.err = fmt.Errorf("write to the console: %w", err)
	}
}

// line writes one line and takes the live line away first.
func (c *console) line(format string, args ...any) {
	c.clearLive()
	c.write(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// heading starts a section, unless it is the one that goes on.
func (c *console) heading(title string) {
	if c.section == title {
		return
	}
	c.section = title
	c.line("")
	c.line("%s", c.style(bold, title))
	c.line("%s", c.style(faint, strings.Repeat("-", utf8.RuneCountInString(title))))
}

// result writes a mark, a name and, right-aligned in their own column, what
// stands for the time; the note comes behind it, or below when it does not fit.
func (c *console) result(mark, name, time, note string) {
	pad := max(0, c.nameWidth()-utf8.RuneCountInString(name))
	head := fmt.Sprintf(" %s %s%s %s", c.mark(mark), name, strings.Repeat(" ", pad), c.style(faint, fmt.Sprintf("%7s", time)))
	used := 3 + utf8.RuneCountInString(name) + pad + 8
	if note == "" || c.width <= 0 || used+2+utf8.RuneCountInString(note) <= c.width {
		c.line("%s  %s", head, note)
		return
	}
	c.line("%s", head)
	for _, l := range wording.Wrap(note, c.width-5) {
		c.line("     %s", l)
	}
}

// item writes a mark and text that wraps behind it.
func (c *console) item(mark, text string) {
	prefix := " " + c.mark(mark) + " "
	for _, l := range wording.Wrap(text, c.room(3)) {
		c.line("%s%s", prefix, l)
		prefix = "   "
	}
}

// field writes "label: value", the label right-aligned to the indented colon and
// the value's further lines below its first.
func (c *console) field(indent int, label, value string) {
	if value == "" {
		return
	}
	hang := indent + labelWidth + 2
	prefix := strings.Repeat(" ", indent) + c.style(faint, fmt.Sprintf("%*s:", labelWidth, label)) + " "
	for _, l := range wording.Wrap(value, c.room(hang)) {
		c.line("%s%s", prefix, l)
		prefix = strings.Repeat(" ", hang)
	}
}

// whole writes "label: value" for what is copied, such as a command: it is never
// broken into lines, and gets one of its own where it does not fit behind the label.
func (c *console) whole(indent int, label, value string) {
	if value == "" {
		return
	}
	head := strings.Repeat(" ", indent) + c.style(faint, fmt.Sprintf("%*s:", labelWidth, label))
	if c.width <= 0 || indent+labelWidth+2+utf8.RuneCountInString(value) <= c.width {
		c.line("%s %s", head, value)
		return
	}
	c.line("%s", head)
	room := max(0, c.width-utf8.RuneCountInString(value))
	c.line("%s%s", strings.Repeat(" ", min(indent+2, room)), value)
}

// block writes text below a line, indented, at most n lines of it.
func (c *console) block(indent int, text string, n int) {
	head, left := wording.HeadLines(wording.Wrap(text, c.room(indent)), n)
	for _, l := range head {
		c.line("%s%s", strings.Repeat(" ", indent), l)
	}
	if left > 0 {
		c.line("%s%s", strings.Repeat(" ", indent), c.style(faint, fmt.Sprintf("(%s more in %s)", wording.Plural(left, "line"), report.JSONName)))
	}
}

// room is how wide text may be behind an indentation; 0 means any width.
func (c *console) room(indent int) int {
	if c.width <= 0 {
		return 0
	}
	return max(20, c.width-indent)
}

func (c *console) nameWidth() int {
	if c.width <= 0 {
		return widestName
	}
	return max(0, min(widestName, c.width-12))
}

// showLive draws the live line, cut to the width so that it stays one line.
func (c *console) showLive(text string) {
	text = wording.Truncate(text, c.width-1)
	c.write(c.erased() + text)
	c.live, c.drawn = true, utf8.RuneCountInString(text)
}

func (c *console) clearLive() {
	if c.live {
		c.write(c.erased())
		c.live, c.drawn = false, 0
	}
}

// erased takes away what stands in the live line and leads to its start. Who wants
// no colours gets no control sequence either: blanks do the same.
func (c *console) erased() string {
	if c.color {
		return "\r\x1b[K"
	}
	return "\r" + strings.Repeat(" ", min(c.drawn, c.width-1)) + "\r"
}

func (c *console) mark(mark string) string {
	switch mark {
	case wording.MarkPass:
		return c.style(green, mark)
	case wording.MarkFail:
		return c.style(red, mark)
	case wording.MarkWarn:
		return c.style(yellow, mark)
	}
	return c.style(faint, mark)
}

func (c *console) style(code, s string) string {
	if !c.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}
