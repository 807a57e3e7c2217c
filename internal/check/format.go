package check

import (
	"crypto/x509"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/onsi/gomega/format"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Bounds of what a failure's message repeats of a value, and of a whole message, in bytes.
const (
	valueLimit   = 600
	messageLimit = 6000
)

// errorBegin and errorEnd enclose an error in what the formatter returns: gomega has
// already written that of the value itself, and tidy takes the repetition away.
const (
	errorBegin = "\x02"
	errorEnd   = "\x03"
)

// Gomega prints a value's whole memory. People read a failure: an error is its
// sentence, a certificate its subject, an object of Kubernetes its name.
//
//nolint:gochecknoinits // gomega's formatters are its package's own, and there is no other way to set them
func init() {
	format.MaxLength = 0 // tidy bounds the message without a word about gomega
	format.RegisterCustomFormatter(func(value any) (string, bool) {
		if err, ok := value.(error); ok {
			return errorBegin + err.Error() + errorEnd, true
		}
		return brief(reflect.ValueOf(value))
	})
}

// brief returns what a person wants to know of a value in one line; false for one that
// gomega prints well itself.
func brief(v reflect.Value) (string, bool) {
	if named, ok := byName(v); ok {
		return clip(named), true
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return bytesText(v), true
		}
	case reflect.Pointer:
		if !v.IsNil() && v.Elem().Kind() == reflect.Struct {
			return brief(v.Elem())
		}
	case reflect.Struct:
		return clip(fields(v)), true
	}
	return "", false
}

// byName returns the text of a value that has one of its own.
func byName(v reflect.Value) (string, bool) {
	if !v.IsValid() || !v.CanInterface() || v.Kind() == reflect.Pointer && v.IsNil() {
		return "", false
	}
	value := v.Interface()
	if v.Kind() == reflect.Struct {
		// The methods of most types are those of their pointers.
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		value = p.Interface()
	}
	switch x := value.(type) {
	case *time.Time:
		return x.Format(time.RFC3339Nano), true
	case *x509.Certificate:
		return certificateText(x), true
	case error:
		return x.Error(), true
	case metav1.Object:
		return strings.TrimLeft(fmt.Sprintf("%s %s/%s", kind(value), x.GetNamespace(), x.GetName()), " "), true
	case format.GomegaStringer:
		return x.GomegaString(), true
	case fmt.Stringer:
		return x.String(), true
	}
	return "", false
}

func kind(object any) string {
	if own, ok := object.(interface{ GetKind() string }); ok && own.GetKind() != "" {
		return own.GetKind()
	}
	t := reflect.TypeOf(object)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

func certificateText(c *x509.Certificate) string {
	return fmt.Sprintf("certificate of %q, issued by %q, valid from %s to %s", c.Subject, c.Issuer, c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
}

// bytesText quotes bytes that are text and describes others.
func bytesText(v reflect.Value) string {
	data := make([]byte, v.Len())
	reflect.Copy(reflect.ValueOf(data), v)
	if c, err := x509.ParseCertificate(data); err == nil {
		return certificateText(c)
	}
	if !utf8.Valid(data) || strings.ContainsRune(string(data), 0) {
		return fmt.Sprintf("[%d bytes, not text]", len(data))
	}
	return clip(fmt.Sprintf("%q", data))
}

// fields lists a struct's exported fields that say something.
func fields(v reflect.Value) string {
	var parts []string
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.IsExported() && !v.Field(i).IsZero() {
			parts = append(parts, f.Name+": "+inner(v.Field(i)))
		}
	}
	name := ""
	if strings.Contains(v.Type().PkgPath(), "/gomega") {
		name = strings.TrimSuffix(v.Type().Name(), "Matcher") // what a matcher wants is in its name too
	}
	return name + "{" + strings.Join(parts, ", ") + "}"
}

// inner is a value within another one.
func inner(v reflect.Value) string {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if text, ok := brief(v); ok {
		return text
	}
	switch v.Kind() {
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Slice, reflect.Array:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, inner(v.Index(i)))
		}
		return clip("[" + strings.Join(parts, ", ") + "]")
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return v.Type().String()
	case reflect.Pointer:
		if v.IsNil() {
			return "nil"
		}
		return inner(v.Elem())
	default:
		return clip(fmt.Sprint(v))
	}
}

func clip(s string) string {
	if len(s) <= valueLimit {
		return s
	}
	return strings.ToValidUTF8(s[:valueLimit], "") + " ..."
}

var (
	// memory is what gomega says of a value's place and room in memory.
	memory = regexp.MustCompile(`<([^<>|\n]+) \| [^>\n]*>:`)
	// errorType is the line that names the type of an error whose text follows.
	errorType = regexp.MustCompile(`(?m)^[ \t]*<\*?[\w.]*[eE]rrors?[\w.]*>:[ \t]*\n`)
	// enclosed is an error as the formatter writes it.
	enclosed = regexp.MustCompile(`(?s)\x02(.*?)\x03`)
	// unexpected is the whole of what gomega says of an error of one line.
	unexpected = regexp.MustCompile(`(?:Unexpected error:|Expected success, but got an error:)[ \n]*([^\n]*)(?:\noccurred)?$`)
	// noise is what gomega says of its own work, and what that means.
	noise = []struct {
		gomega *regexp.Regexp
		plain  string
	}{
		{regexp.MustCompile(`The function passed to \w+ returned the following error:`), "The last look ended with an error:"},
		{regexp.MustCompile(`The matcher passed to \w+ returned the following error:`), "What was seen last cannot be compared:"},
		{regexp.MustCompile(`At one point, however, the function did return successfully\.\nYet, \w+ failed because the matcher was not satisfied:`), "An earlier look saw:"},
		{regexp.MustCompile(`At one point, however, the function did return successfully\.\nYet, \w+ failed because the matcher returned the following error:`), "What an earlier look saw cannot be compared:"},
		{regexp.MustCompile(`There is no failure as the matcher passed to \w+ .*`), "What was seen last is as it must be."},
	}
)

// tidy makes a message of gomega's one for people.
func tidy(message string) string {
	message = memory.ReplaceAllString(message, "<$1>:")
	for _, n := range noise {
		message = n.gomega.ReplaceAllString(message, n.plain)
	}
	message = errorType.ReplaceAllString(message, "")
	for {
		at := enclosed.FindStringSubmatchIndex(message)
		if at == nil {
			break
		}
		before, text := message[:at[0]], message[at[2]:at[3]]
		if strings.HasSuffix(words(before), words(text)) {
			// Only the blanks in front of the repetition are left of it.
			before, text = strings.TrimRight(before, " \t\n"), ""
		}
		message = before + text + message[at[1]:]
	}
	// Of an error beside a value gomega says the text twice.
	if first, last, found := strings.Cut(message, "\n"+format.Indent); found && strings.HasSuffix(first, "Unexpected error: "+last) {
		message = first
	}
	message = unexpected.ReplaceAllString(message, "unexpected error: $1")
	if n := len(message); n > messageLimit {
		head, tail := message[:messageLimit*2/3], message[n-messageLimit/3:]
		message = strings.ToValidUTF8(fmt.Sprintf("%s\n[%d bytes left out]\n%s", head, n-messageLimit, tail), "")
	}
	return message
}

func words(s string) string { return strings.Join(strings.Fields(s), " ") }
