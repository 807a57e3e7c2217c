// Package questions makes requests from the configuration of a captured mesh: each takes a
// branch of it, or misses it by little. Whoever asks them of two versions sees what of the
// configuration acts otherwise.
package questions

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// How often a question is asked at a time: one that goes where weights decide, where any of
// several kinds of pods may answer, the same that makes them slow or fail, and any other.
// Of all but the last the answers are compared as counts, for which these are enough to
// tell all from none.
const (
	manyTimes    = 60
	severalTimes = 30
	orderedTimes = 18
	once         = 1
)

// longest is the longest delay that is asked for, in seconds: a route that allows more is
// not waited for.
const longest = 8.0

// Question is one request, and what it is about.
type Question struct {
	// Asker is "outside", "client", or the stand-in that asks, as "namespace/name".
	Asker string `json:"asker"`
	// URL is where the connection goes, by http, https, grpc, grpcs or tcp, with path and
	// query; Host is the Host header, and the name that TLS is asked for.
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
	// Marked says that who else sees the request is looked at too: its mirrors.
	Marked bool `json:"-"`
	// To is the host of the mesh that it is for, "web.shop.svc.cluster.local", where it is
	// asked inside; Via is the gateway where it is not.
	To  string `json:"-"`
	Via string `json:"-"`

	// Field is the path of what it is made from, in the object.
	Field []string `json:"-"`

	orders bool
	way    string
}

// Orders says that it makes a stand-in slow, or fail, on purpose.
func (q *Question) Orders() bool { return q.orders }

// atLeast has it asked so often, or less where it makes a stand-in slow.
func (q *Question) atLeast(times int) {
	q.Times = max(q.Times, times)
	if q.orders {
		q.Times = min(q.Times, orderedTimes)
	}
}

// Key is the same for a question of both versions.
func (q *Question) Key() string {
	return strings.Join([]string{q.Asker, q.Method, q.URL, q.Host, fmt.Sprint(q.Headers, q.Marked)}, " ")
}

// String is the question for people.
func (q *Question) String() string {
	at, err := url.Parse(q.URL)
	if err != nil {
		return q.URL
	}
	var text strings.Builder
	if at.Scheme == "tcp" {
		fmt.Fprintf(&text, "%s sends bytes to %s", q.Asker, at.Host)
	} else {
		fmt.Fprintf(&text, "%s asks %s %s://%s%s", q.Asker, q.Method, at.Scheme, q.Host, at.RequestURI())
	}
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
	m := &maker{mesh: mesh, standIns: standIns, entrances: entrances, set: &Set{chance: map[string]int{}}, seen: map[string]bool{}}
	m.readServices()
	if err := m.chances(); err != nil {
		return nil, err
	}
	for _, o := range mesh.Of("VirtualService") {
		if err := m.virtualService(o); err != nil {
			return nil, err
		}
	}
	for _, kind := range routeKinds {
		for _, o := range mesh.Of(kind) {
			m.gatewayRoute(o)
		}
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
	// scheme is http, https, grpc, grpcs, tcp, or tls for what is passed through; address
	// is of the connection; port is the one that matches name.
	scheme, address string
	port            int32
	host, to, via   string
}

// way is the host, inside the mesh or through a gateway.
func (p *place) way() string {
	if p.via == "" {
		return p.to
	}
	return p.via + " " + p.host
}

// routes is which of a VirtualService's routes a scheme takes: http, tls or tcp.
func routes(scheme string) string {
	if scheme == "tcp" || scheme == "tls" {
		return scheme
	}
	return "http"
}

// anyMethod is what is called where no method of gRPC is named.
const anyMethod = "/rehearsal.Any/Call"

// ask adds the question of a shape, unless it is there already.
func (m *maker) ask(o *capture.Object, field []string, about string, p place, s shape, times int) {
	s = s.ready(p.scheme)
	q := &Question{
		Asker: p.asker, Host: cmp.Or(s.host, p.host), Method: cmp.Or(s.method, "GET"), Headers: s.headers, About: about, To: p.to, Via: p.via, Marked: s.marked,
		Object: o.String(), File: o.File, Line: o.LineOf(field...), Field: field, orders: len(s.order) > 0, way: p.way(), Times: times,
	}
	q.atLeast(m.set.chance[q.way])
	query := url.Values{}
	for name, value := range s.query {
		query.Set(name, value)
	}
	scheme := p.scheme
	if scheme == "tls" {
		scheme = "https" // the stand-in ends it
	}
	q.URL = scheme + "://" + net.JoinHostPort(p.address, strconv.Itoa(int(p.port))) + s.path
	if len(query) > 0 {
		q.URL += "?" + query.Encode()
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
		"UDPRoute": "the stand-ins do not speak UDP", "WasmPlugin": "the module is not fetched",
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
