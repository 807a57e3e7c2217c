package questions

import (
	"encoding/json"
	"fmt"
)

// method is that of HTTP, or of a GRPCRoute's match the service and the method.
type method struct{ http, Type, Service, Method string }

// UnmarshalJSON reads either.
func (m *method) UnmarshalJSON(content []byte) error {
	if content[0] == '"' {
		return json.Unmarshal(content, &m.http)
	}
	type fields method
	return json.Unmarshal(content, (*fields)(m))
}

// call is the condition that a method of gRPC is called.
func (m *method) call() condition {
	of := func(text, any string) (hit, near string, ok bool) {
		switch {
		case text == "":
			return any, "", true
		case m.Type == "RegularExpression":
			return matcher{Regex: &text}.values()
		}
		return text, text + "Missed", true
	}
	service, nearService, ok := of(m.Service, "rehearsal.Any")
	name, nearName, nameOK := of(m.Method, "Call")
	c := condition{name: "the method", field: "method", hit: func(s *shape) { s.path = "/" + service + "/" + name }}
	if !ok || !nameOK {
		c.why = fmt.Sprintf("no method could be made for %s/%s", m.Service, m.Method)
	}
	switch {
	case nearName != "":
		c.miss = func(s *shape) { s.path = "/" + service + "/" + nearName }
	case nearService != "":
		c.miss = func(s *shape) { s.path = "/" + nearService + "/" + name }
	}
	return c
}
