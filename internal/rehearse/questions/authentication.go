package questions

import (
	"fmt"
	"strconv"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// authentication asks without a token, with one that nobody issued, and with one of the
// rule's issuer.
func (m *maker) authentication(o *capture.Object) {
	a := m.policy(o)
	if a == nil {
		return
	}
	places := m.selected(o, a.Selector.MatchLabels)
	rules, _ := o.Fields("spec", "jwtRules").([]any)
	for i, item := range rules {
		rule, _ := item.(map[string]any)
		issuer, _ := rule["issuer"].(string)
		audiences, _ := rule["audiences"].([]any)
		name, field := fmt.Sprintf("jwtRules[%d]", i), []string{"spec", "jwtRules", strconv.Itoa(i)}
		m.branch(o, name, noPlace(places))
		tokens := [][2]string{{"a token that nobody issued", foreign}}
		switch token, err := stage.Token(issuer, text(audiences)); {
		case err != nil:
			m.branch(o, name+" with a token of its issuer", err.Error())
		case rule["fromHeaders"] != nil || rule["fromParams"] != nil:
			m.branch(o, name+" with a token of its issuer", "tokens are only sent as Authorization: Bearer")
		default:
			tokens = append(tokens, [2]string{"a token of " + issuer, token})
		}
		for _, p := range places {
			m.ask(o, field, name+": no token", p, shape{path: "/"}, once)
			for _, token := range tokens {
				m.ask(o, field, name+": "+token[0], p, shape{path: "/", headers: map[string]string{"authorization": "Bearer " + token[1]}}, once)
			}
		}
	}
}

// text is the first of a list of texts, or nothing.
func text(list []any) string {
	if len(list) == 0 {
		return ""
	}
	first, _ := list[0].(string)
	return first
}

// foreign is a token of an issuer that no mesh trusts: {"alg":"none"}.{"iss":"nobody"}.
const foreign = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJub2JvZHkifQ."
