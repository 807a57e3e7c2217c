package upstream

import (
	"regexp"
	"strconv"
	"strings"
)

// What the program of images/gateway-api writes: the log of go test with a mark before
// each line that says of which test it is, and the suite's report.
const (
	mark       = "\x16"
	rootTest   = "GatewayAPI"
	reportWord = "conformance-report "
)

// outcome is what became of one of the suite's tests.
type outcome struct {
	// Status is PASS, FAIL or SKIP.
	Status  string
	Seconds float64
	// Log is all that the test and its parts said.
	Log string
}

// output reads what the suite writes, line by line.
type output struct {
	// now is whose lines follow: one of the suite's tests, or empty for the suite itself.
	now  string
	logs map[string]*strings.Builder
	// outcomes are those of the tests that have ended.
	outcomes map[string]outcome
	// began says that a test has begun, so that the suite's own set-up is over.
	began bool
	// report is the suite's own, in YAML.
	report string
}

func newOutput() *output {
	return &output{logs: map[string]*strings.Builder{}, outcomes: map[string]outcome{}}
}

// resultLine is "--- FAIL: GatewayAPI/HTTPRouteSimple/0_request_to_... (1.23s)".
var resultLine = regexp.MustCompile(`^--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)`)

// take reads a line.
func (o *output) take(line string) {
	if quoted, is := strings.CutPrefix(line, reportWord); is {
		if report, err := strconv.Unquote(strings.TrimSpace(quoted)); err == nil {
			o.report = report
			return
		}
	}
	// What a test printed without an end of line stands before the mark.
	said, event, marked := strings.Cut(line, mark)
	if said != "" || !marked {
		o.log(o.now).WriteString(said + "\n")
	}
	if marked {
		o.event(event)
	}
}

// event reads what follows a mark.
func (o *output) event(text string) {
	if match := resultLine.FindStringSubmatch(text); match != nil {
		test, part := split(match[2])
		o.now = test
		if test == "" || part != "" {
			o.log(test).WriteString(text + "\n")
			return
		}
		seconds, _ := strconv.ParseFloat(match[3], 64) // the expression holds digits alone
		o.outcomes[test] = outcome{Status: match[1], Seconds: seconds, Log: o.log(test).String()}
		return
	}
	if fields := strings.Fields(text); len(fields) == 3 && fields[0] == "===" {
		var part string
		o.now, part = split(fields[2])
		o.began = o.began || o.now != "" && fields[1] == "RUN"
		if part != "" && fields[1] == "RUN" {
			o.log(o.now).WriteString(text + "\n")
		}
	}
}

func (o *output) log(test string) *strings.Builder {
	if o.logs[test] == nil {
		o.logs[test] = &strings.Builder{}
	}
	return o.logs[test]
}

// split returns the suite's test and the part of it that a name of go test's means, both
// empty for the suite itself.
func split(name string) (test, part string) {
	_, rest, _ := strings.Cut(name, "/")
	test, part, _ = strings.Cut(rest, "/")
	return test, part
}

// statement is where a test said something: "    helpers.go:123: message". What goes on
// in the next lines is indented by more.
var statement = regexp.MustCompile(`(?m)^ {4}[\w.-]+\.go:\d+: `)

// stamp is the time with which the suite begins what it says.
var stamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT[\d:.]+\S*: `)

// complaint is what a failed test says of its failure: what its assertions say, and the
// last that was said before the first of them. Without an assertion it is the last alone.
// What follows the first part that failed is clean-up.
func complaint(log string) string {
	log, _, _ = strings.Cut(log, "--- FAIL: ")
	var said, asserted []string
	for _, text := range statement.Split(log, -1)[1:] {
		text = stamp.ReplaceAllString(strings.TrimSpace(text), "")
		switch {
		case strings.HasPrefix(text, "Error Trace:"):
			asserted = append(asserted, assertion(text))
		case len(asserted) == 0 && !strings.HasPrefix(text, "Deleting "):
			said = append(said, oneLine(text))
		}
	}
	switch {
	case len(said) == 0:
		return strings.Join(asserted, "\n")
	case len(asserted) == 0:
		return said[len(said)-1]
	}
	return strings.Join(append(asserted, "before that it said: "+said[len(said)-1]), "\n")
}

// notProgrammed is what istiod says of a Gateway for whose Service it knows no pod.
var notProgrammed = regexp.MustCompile(`AddressNotAssigned Failed to assign to any requested addresses: (no instances found for hostname "[^"]+")`)

// unassigned is what istiod said of a Gateway last, where a test failed while it waited for
// that to be Programmed; else empty.
func unassigned(log string) string {
	const end = 3000 // the state is said ten times a second
	log, _, _ = strings.Cut(log, "--- FAIL: ")
	if before, _, asserted := strings.Cut(log, "Error Trace:"); asserted {
		log = before
	}
	if match := notProgrammed.FindStringSubmatch(log[max(0, len(log)-end):]); match != nil {
		return match[1]
	}
	return ""
}

// assertionField is a line of what testify says of an assertion.
var assertionField = regexp.MustCompile(`^(Error Trace|Error|Test|Messages):\s*(.*)`)

// assertion reads the fields Error and Messages of what testify says.
func assertion(text string) string {
	fields := map[string]string{}
	field := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if match := assertionField.FindStringSubmatch(line); match != nil {
			field, line = match[1], match[2]
		} else if strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "=== ") {
			break
		}
		fields[field] = strings.TrimSpace(fields[field] + " " + line)
	}
	if fields["Messages"] == "" {
		return fields["Error"]
	}
	return fields["Messages"] + ": " + fields["Error"]
}

// oneLine is the first lines of what a test said, as one.
func oneLine(text string) string {
	const most = 600
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = text[:most] + " ..."
	}
	return text
}
