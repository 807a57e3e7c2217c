package questions

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// sample is a text that a regular expression matches as a whole, if one is easily made.
func sample(expression string) (string, bool) {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", false
	}
	text := generate(parsed.Simplify())
	return text, matches(expression, text)
}

func matches(expression, text string) bool {
	whole, err := regexp.Compile(`^(?:` + expression + `)$`)
	return err == nil && whole.MatchString(text)
}

// generate takes the shortest way through an expression.
func generate(r *syntax.Regexp) string {
	switch r.Op {
	case syntax.OpLiteral:
		return string(r.Rune)
	case syntax.OpCharClass:
		return string(readable(r.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpPlus, syntax.OpCapture, syntax.OpAlternate:
		return generate(r.Sub[0])
	case syntax.OpConcat:
		var text strings.Builder
		for _, sub := range r.Sub {
			text.WriteString(generate(sub))
		}
		return text.String()
	}
	return "" // what may be absent, and anchors
}

// readable is a letter or a digit of a class where it has one, else its first.
func readable(pairs []rune) rune {
	for i := 0; i+1 < len(pairs); i += 2 {
		for _, c := range "a1A" {
			if pairs[i] <= c && c <= pairs[i+1] {
				return c
			}
		}
	}
	if len(pairs) == 0 {
		return 'a'
	}
	return pairs[0]
}
