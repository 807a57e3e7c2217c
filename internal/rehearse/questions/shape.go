package questions

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// shape is a request in the making.
type shape struct {
	method, path, host string
	headers, query     map[string]string
	// order is for the stand-in, as images/backend/order.go has them.
	order map[string]string
	// marked asks for a look at who else sees the request.
	marked bool
}

func (s shape) clone() shape {
	s.headers, s.query, s.order = maps.Clone(s.headers), maps.Clone(s.query), maps.Clone(s.order)
	if s.headers == nil {
		s.headers = map[string]string{}
	}
	if s.query == nil {
		s.query = map[string]string{}
	}
	return s
}

// ordered is the shape with an order for the stand-in.
func (s shape) ordered(orders ...string) shape {
	s = s.clone()
	s.order = map[string]string{}
	for i := 0; i+1 < len(orders); i += 2 {
		s.order[orders[i]] = orders[i+1]
	}
	return s
}

// unavailable is the status of gRPC that stands for 503.
const unavailable = "14"

// ready is the shape as a scheme can say it, with its order in the headers: of gRPC as
// images/backend/grpc.go reads it, else as images/backend/standin.go does.
func (s shape) ready(scheme string) shape {
	s = s.clone()
	switch scheme {
	case "tcp":
		return shape{}
	case "grpc", "grpcs":
		s.method, s.query = "POST", nil
		if s.path == "/" {
			s.path = anyMethod
		}
		for name, value := range s.order {
			if name == "status" {
				name, value = "code", unavailable
			}
			s.headers["x-order-"+name] = value
		}
	default:
		values := url.Values{}
		for name, value := range s.order {
			values.Set(name, value)
		}
		if len(values) > 0 {
			s.headers["x-rehearsal-order"] = values.Encode()
		}
	}
	return s
}

// condition is one thing that a request must have to take a branch.
type condition struct {
	// name is for people: "the path"; field is where it is written below the match.
	name, field string
	hit         func(*shape)
	// miss makes a request that lacks it by little; nil where none can be made.
	miss func(*shape)
	// why is why no request with it can be made; empty where one can.
	why string
}

// unmade is why no request can be made with all conditions; empty where one can.
func unmade(all []condition) (why string) {
	for _, c := range all {
		if c.why != "" {
			why = c.why
		}
	}
	return why
}

// take applies every condition.
func take(s shape, all []condition) shape {
	s = s.clone()
	for _, c := range all {
		c.hit(&s)
	}
	return s
}

// matcher is how Istio and the Gateway API say what a text must be.
type matcher struct {
	Exact  *string `json:"exact"`
	Prefix *string `json:"prefix"`
	Regex  *string `json:"regex"`
}

// String is the matcher for people.
func (m matcher) String() string {
	switch {
	case m.Exact != nil:
		return "exact " + *m.Exact
	case m.Prefix != nil:
		return "prefix " + *m.Prefix
	case m.Regex != nil:
		return "regex " + *m.Regex
	}
	return "present"
}

// values are a text that matches and one that misses by little; ok is false where none
// can be made, and near is empty where nothing misses.
func (m matcher) values() (hit, near string, ok bool) {
	switch {
	case m.Exact != nil:
		return *m.Exact, *m.Exact + "-missed", true
	case m.Prefix != nil && *m.Prefix != "":
		p := *m.Prefix
		near = p[:len(p)-1] + other(p[len(p)-1])
		if p == "/" {
			near = ""
		}
		return p, near, true
	case m.Regex != nil:
		hit, ok = sample(*m.Regex)
		near = hit + "~"
		if !ok || matches(*m.Regex, near) {
			near = ""
		}
		return hit, near, ok
	}
	return "any", "", true
}

// other is a character that is not this one, and changes no path otherwise.
func other(c byte) string {
	if c == 'z' {
		return "y"
	}
	return "z"
}

// path is the condition that a path matches.
func (m matcher) path(field string) condition {
	hit, near, ok := m.values()
	c := condition{name: "the path", field: field, hit: func(s *shape) { s.path = rooted(hit) }}
	if !ok {
		c.why = fmt.Sprintf("no path could be made for %s", m)
	}
	if near != "" {
		c.miss = func(s *shape) { s.path = rooted(near) }
	}
	return c
}

func rooted(path string) string {
	if !strings.HasPrefix(path, "/") {
		return "/" + path
	}
	return path
}

// header is the condition that a header matches.
func (m matcher) header(name, field string) condition {
	hit, near, ok := m.values()
	switch name {
	case ":authority":
		return condition{name: "the host", field: field, hit: func(s *shape) { s.host = hit }}
	case ":method":
		return m.method(field)
	case ":path":
		return m.path(field)
	}
	c := condition{name: "header " + name, field: field, hit: func(s *shape) { s.headers[name] = hit }}
	if !ok || strings.HasPrefix(name, ":") {
		c.why = fmt.Sprintf("no header %s could be made for %s", name, m)
	}
	c.miss = func(s *shape) { delete(s.headers, name) }
	if near != "" {
		c.miss = func(s *shape) { s.headers[name] = near }
	}
	return c
}

func (m matcher) query(name, field string) condition {
	hit, near, ok := m.values()
	c := condition{name: "parameter " + name, field: field, hit: func(s *shape) { s.query[name] = hit }}
	if !ok {
		c.why = fmt.Sprintf("no parameter %s could be made for %s", name, m)
	}
	c.miss = func(s *shape) { delete(s.query, name) }
	if near != "" {
		c.miss = func(s *shape) { s.query[name] = near }
	}
	return c
}

func (m matcher) method(field string) condition {
	hit, _, ok := m.values()
	c := condition{name: "the method", field: field, hit: func(s *shape) { s.method = hit }, miss: func(s *shape) {
		s.method = "GET"
		if hit == "GET" {
			s.method = "POST"
		}
	}}
	if !ok {
		c.why = fmt.Sprintf("no method could be made for %s", m)
	}
	return c
}

func sorted[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }
