// Package questions makes requests from the configuration of a captured mesh: each takes a
// branch of it, or misses it by little. Whoever asks them of two versions sees what of the
// configuration acts otherwise.
package questions

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// How often a question is asked at a time: one whose answer weights decide, one that any of
// several kinds of pods may answer, the same that makes them slow or fail, and any other.
// Of all but the last the answers are compared as counts, for which these are enough to
// tell all from none.
const (
	manyTimes    = 60
	severalTimes = 30
	orderedTimes = 12
	once         = 1
)

// longest is the longest delay that is asked for, in seconds: a route that allows more is
// not waited for.
const longest = 8.0

// Question is one request, and what it is about.
type Question struct {
	// Asker is "outside", "client", or the stand-in that asks, as "namespace/name".
	Asker string `json:"asker"`
	// URL is where the connection goes, with path and query; Host is the Host header.
	URL     string            `json:"url"`
	Host    string            `json:"host"`
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers,omitempty"`
	// About says in words what it tries: "http[0].match[1]: misses the path".
	About string `json:"about"`
	// Object is what it is made from, File and Line where that is written.
	Object string `json:"object"`
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`
	// Times is how often it is asked at a time.
	Times int `json:"-"`
	// To is the host of the mesh that it is for, "web.shop.svc.cluster.local", where it is
	// asked inside; Via is the gateway where it is not.
	To  string `json:"-"`
	Via string `json:"-"`

	// Field is the path of what it is made from, in the object.
	Field []string `json:"-"`

	orders bool
}

// Orders says that it makes a stand-in slow, or fail, on purpose.
func (q *Question) Orders() bool { return q.orders }

// Key is the same for a question of both versions.
func (q *Question) Key() string {
	return strings.Join([]string{q.Asker, q.Method, q.URL, q.Host, fmt.Sprint(q.Headers)}, " ")
}

// String is the question for people.
func (q *Question) String() string {
	at, err := url.Parse(q.URL)
	if err != nil {
		return q.URL
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s asks %s %s://%s%s", q.Asker, q.Method, at.Scheme, q.Host, at.RequestURI())
	if q.Via != "" {
		text.WriteString(" through " + q.Via)
	}
	for _, name := range sorted(q.Headers) {
		value := q.Headers[name]
		if len(value) > 40 {
			value = value[:40] + "..."
		}
		fmt.Fprintf(&text, " with %s: %s", name, value)
	}
	return text.String()
}

// Branch is a part of the configuration that requests may take.
type Branch struct {
	Object string `json:"object"`
	Name   string `json:"name"`
	// Why is why it is not asked; empty where it is.
	Why string `json:"why,omitempty"`
}

// Set is what is asked of a mesh, and what is not.
type Set struct {
	Questions []*Question
	Branches  []Branch
}

// Asked counts the branches that are.
func (s *Set) Asked() int {
	n := 0
	for _, b := range s.Branches {
		if b.Why == "" {
			n++
		}
	}
	return n
}

// maker makes the questions of one mesh.
type maker struct {
	mesh      *capture.Mesh
	standIns  []*stage.StandIn
	entrances []*stage.Entrance
	services  []service
	set       *Set
	seen      map[string]bool
}

// Of returns the questions for a mesh. What cannot be understood has status
// exitcode.Usage.
func Of(mesh *capture.Mesh, standIns []*stage.StandIn, entrances []*stage.Entrance) (*Set, error) {
	m := &maker{mesh: mesh, standIns: standIns, entrances: entrances, set: &Set{}, seen: map[string]bool{}}
	m.readServices()
	for _, o := range mesh.Of("VirtualService") {
		if err := m.virtualService(o); err != nil {
			return nil, err
		}
	}
	for _, o := range mesh.Of("HTTPRoute") {
		m.httpRoute(o)
	}
	for _, s := range m.services {
		m.service(s)
	}
	for _, o := range mesh.Of("AuthorizationPolicy") {
		m.authorization(o)
	}
	for _, o := range mesh.Of("RequestAuthentication") {
		m.authentication(o)
	}
	for _, o := range mesh.Objects {
		m.others(o)
	}
	return m.set, nil
}

// branch notes a part of an object; why is empty where it is asked. What one way does not
// lead to another may.
func (m *maker) branch(o *capture.Object, name, why string) {
	for i := range m.set.Branches {
		if b := &m.set.Branches[i]; b.Object == o.String() && b.Name == name {
			if why == "" {
				b.Why = ""
			}
			return
		}
	}
	m.set.Branches = append(m.set.Branches, Branch{o.String(), name, why})
}

// place is from where and by which way a host is asked.
type place struct {
	asker string
	// scheme and address are of the connection; port is the one that matches name.
	scheme, address string
	port            int32
	host, to, via   string
	// several says that any of several kinds of pods may answer.
	several bool
}

// ask adds the question of a shape, unless it is there already.
func (m *maker) ask(o *capture.Object, field []string, about string, p place, s shape, times int) {
	q := &Question{
		Asker: p.asker, Host: p.host, Method: s.method, Headers: s.headers, About: about, Times: times, To: p.to, Via: p.via,
		Object: o.String(), File: o.File, Line: o.LineOf(field...), Field: field, orders: s.query["delay"] != "" || s.query["status"] != "",
	}
	if s.host != "" {
		q.Host = s.host
	}
	switch {
	case p.several && q.orders:
		q.Times = orderedTimes
	case p.several:
		q.Times = max(times, severalTimes)
	}
	query := url.Values{}
	for name, value := range s.query {
		query.Set(name, value)
	}
	q.URL = p.scheme + "://" + net.JoinHostPort(p.address, strconv.Itoa(int(p.port))) + s.path
	if len(query) > 0 {
		q.URL += "?" + query.Encode()
	}
	if q.Method == "" {
		q.Method = "GET"
	}
	if m.seen[q.Key()] {
		return
	}
	m.seen[q.Key()] = true
	m.set.Questions = append(m.set.Questions, q)
}

// decode reads an object's spec into what a part of this package knows of it.
func decode(o *capture.Object, into any) error {
	content, err := json.Marshal(o.Fields("spec"))
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into)
}

// others names the branches of kinds that no question is made from.
func (m *maker) others(o *capture.Object) {
	why := map[string]string{
		"GRPCRoute": "calls of gRPC are not made", "TLSRoute": "passed through TLS is not asked", "TCPRoute": "bytes over TCP are not sent",
		"UDPRoute": "the stand-ins do not speak UDP", "WasmPlugin": "the module is not fetched",
		"ServiceEntry": "nothing stands for hosts outside of the mesh",
	}
	if reason := why[o.Kind()]; reason != "" && o.Configures() {
		m.branch(o, "spec", reason)
	}
	if o.Kind() != "DestinationRule" {
		return
	}
	policy, _ := o.Fields("spec", "trafficPolicy").(map[string]any)
	for _, key := range []string{"connectionPool", "outlierDetection", "loadBalancer"} {
		if policy[key] != nil {
			m.branch(o, "trafficPolicy."+key, "it acts by load, or by several pods; --config compares it")
		}
	}
}
