package check

import (
	"errors"
	"regexp"
	"strings"

	"github.com/onsi/gomega/format"
)

// Gomega prints an error as its type and address, its text, and then every field
// of every error that it wraps. Nobody but who wrote it can read that. Here the
// text is put between marks in place of the fields, and readable keeps only that.
// Both signs are invisible where gomega prints a message by itself.
const (
	errorMark = "\u2060" // word joiner
	lineMark  = "\u2028" // line separator
)

var _ = format.RegisterCustomFormatter(markError)

// markError puts the text of an error between marks, without line feeds, which
// gomega would indent.
func markError(value any) (string, bool) {
	err, ok := value.(error)
	if !ok {
		return "", false
	}
	return errorMark + strings.ReplaceAll(err.Error(), "\n", lineMark) + errorMark, true
}

var (
	markedError = regexp.MustCompile(errorMark + "([^" + errorMark + "]*)" + errorMark)
	// typeOf is what gomega writes before a value: <*errors.errorString | 0xc000012345>
	typeOf = regexp.MustCompile(`<[^<>\n]*>(: \n)?$`)
	// failed is the whole of what gomega says when an error was not expected.
	failed = regexp.MustCompile(`(?:Unexpected error:|Expected success, but got an error:)\n +([^\n]*)(?:\noccurred)?$`)
)

// besideValue is how gomega begins when an error came beside a value.
const besideValue = "Unexpected error: "

// readable is one of gomega's messages with each error in it as its text alone. A
// text of one line that was not expected is put behind what says so.
func readable(message string) string {
	var out strings.Builder
	end := 0
	for _, at := range markedError.FindAllStringSubmatchIndex(message, -1) {
		before := message[end:at[0]]
		text := strings.ReplaceAll(message[at[2]:at[3]], lineMark, "\n")
		// An error that is not inside of something else stands there as text too.
		indent := before[strings.LastIndexByte(before, '\n')+1:]
		if strings.TrimSpace(indent) == "" {
			again := "\n" + format.IndentString(text, uint(len(indent)/len(format.Indent))) + "\n" + indent
			before = strings.TrimSuffix(before, again[1:])
			text = strings.TrimPrefix(strings.TrimSuffix(again, "\n"+indent), "\n"+indent)
		}
		out.WriteString(typeOf.ReplaceAllString(before, ""))
		out.WriteString(text)
		end = at[1]
	}
	out.WriteString(message[end:])
	return once(failed.ReplaceAllString(out.String(), "unexpected error: $1"))
}

// once leaves out the second of the two times that gomega names an error which came
// beside a value.
func once(message string) string {
	at := strings.LastIndex(message, besideValue)
	if at < 0 {
		return message
	}
	first, second, _ := strings.Cut(message[at+len(besideValue):], "\n"+format.Indent)
	if first != second {
		return message
	}
	return message[:at] + "unexpected error: " + first
}

// detailed is an error of one line that knows more than fits there.
type detailed interface{ Details() []string }

// details returns what a value knows beyond its text, if it is an error that does.
func details(value any) []string {
	err, ok := value.(error)
	var more detailed
	if !ok || !errors.As(err, &more) {
		return nil
	}
	return more.Details()
}
