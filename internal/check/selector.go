package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// term is one condition of a selector, such as feature=retries or name!~^tls.
type term struct {
	key, operator, value string
	pattern              *regexp.Regexp
}

// selectorKeys are what a term may look at.
var selectorKeys = []string{"suite", "feature", "name", "id", "promise", "gate", "parallel"}

// operators are tried in this order: the longer ones first.
var operators = []string{"!=", "!~", "=~", "=", "~"}

// Narrow keeps of the selection only what the expression selects: conditions that
// are separated by commas and must all hold, such as
// suite=ingress,feature!=tls,name~^re. Several expressions are separated by
// semicolons, of which one must hold. What it refuses, or what selects nothing,
// has status exitcode.Usage.
func (s Selection) Narrow(expression string, suites []Suite) (Selection, error) {
	for alternative := range strings.SplitSeq(expression, ";") {
		if strings.TrimSpace(alternative) == "" {
			continue
		}
		var terms []term
		for text := range strings.SplitSeq(alternative, ",") {
			t, err := parseTerm(strings.TrimSpace(text))
			if err != nil {
				return s, err
			}
			terms = append(terms, t)
		}
		s.alternatives = append(s.alternatives, terms)
	}
	if len(s.alternatives) > 0 && !slices.ContainsFunc(suites, s.touches) {
		return s, exitcode.Usagef("SELECT=%s: no check is selected; -list shows all of them", expression)
	}
	return s, nil
}

func parseTerm(text string) (term, error) {
	at := strings.IndexAny(text, "!=~")
	if at < 0 {
		return term{}, exitcode.Usagef("SELECT: %q: want key=value, key!=value, key~regex or key!~regex", text)
	}
	t := term{key: strings.TrimSpace(text[:at])}
	for _, operator := range operators {
		if rest, found := strings.CutPrefix(text[at:], operator); found {
			t.operator, t.value = operator, strings.TrimSpace(rest)
			break
		}
	}
	if t.operator == "" || !slices.Contains(selectorKeys, t.key) {
		return term{}, exitcode.Usagef("SELECT: %q: want a key of %s, then =, !=, ~ or !~", text, strings.Join(selectorKeys, ", "))
	}
	if strings.Contains(t.operator, "~") {
		pattern, err := regexp.Compile(t.value)
		if err != nil {
			return term{}, exitcode.Usagef("SELECT: %q: %w", text, err)
		}
		t.pattern = pattern
	}
	return t, nil
}

// holds reports whether the condition is true of a check.
func (t term) holds(suite string, c Check) bool {
	value := map[string]string{
		"suite": suite, "feature": c.Feature, "name": c.Name, "id": suite + "/" + c.Name, "promise": c.Promise,
		"gate": strconv.FormatBool(c.Gate), "parallel": strconv.FormatBool(c.Parallel),
	}[t.key]
	switch t.operator {
	case "=":
		return value == t.value
	case "!=":
		return value != t.value
	case "!~":
		return !t.pattern.MatchString(value)
	}
	return t.pattern.MatchString(value)
}

// narrowed reports whether one of the expressions selects the check.
func (s Selection) narrowed(suite string, c Check) bool {
	return len(s.alternatives) == 0 || slices.ContainsFunc(s.alternatives, func(terms []term) bool {
		return !slices.ContainsFunc(terms, func(t term) bool { return !t.holds(suite, c) })
	})
}
