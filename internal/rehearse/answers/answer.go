// Package answers compares what two versions of Istio make of the same questions, as far
// as clients and stand-ins see it.
package answers

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Outcome is what came of a question, as images/backend/questions.go writes it.
type Outcome struct {
	Status       int         `json:"status"`
	Body         string      `json:"body"`
	Headers      http.Header `json:"headers"`
	Names        []string    `json:"names"`
	Error        string      `json:"error"`
	Milliseconds int64       `json:"milliseconds"`

	// Marked says that it was looked at who else saw the request; Others are these, each
	// with what it saw.
	Marked bool     `json:"-"`
	Others []string `json:"-"`
}

// seen is what of a request a stand-in repeats.
type seen struct {
	Pod     string      `json:"pod"`
	Version string      `json:"version"`
	Attempt int         `json:"attempt"`
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	Path    string      `json:"path"`
	Port    int         `json:"port"`
	Headers http.Header `json:"headers"`
	// ServerName is what TLS asked for that the stand-in ended.
	ServerName string `json:"serverName"`
}

// Answer is an outcome by fields, without what differs from time to time.
type Answer map[string]string

// changing are headers that differ each time, or with the address of a pod.
var changing = []string{
	"Date", "Content-Length", "X-Request-Id", "X-Forwarded-For", "X-Envoy-External-Address", "X-Envoy-Upstream-Service-Time",
	"X-Envoy-Attempt-Count", "X-Envoy-Peer-Metadata", "X-Envoy-Peer-Metadata-Id", "Traceparent", "Tracestate",
	"X-Forwarded-Client-Cert", "X-Conformance-Id", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid",
}

// Field names that are compared as counts where chance decides.
const (
	fieldStatus = "status"
	fieldBy     = "answered by"
)

// longBody is how much of a body that no stand-in wrote is compared.
const longBody = 160

// Of is the outcome as it is compared.
func Of(o *Outcome) Answer {
	a := Answer{}
	if o.Error != "" {
		a[fieldStatus] = "none: " + class(o.Error)
		return a
	}
	a[fieldStatus] = status(o)
	a.headers("answer's header ", o.Headers)
	if len(o.Names) > 0 {
		a["certificate"] = strings.Join(o.Names, ", ")
	}
	if o.Marked {
		a["mirrored to"] = cmp.Or(strings.Join(o.Others, "; "), "nobody")
	}
	var s seen
	switch err := json.Unmarshal([]byte(o.Body), &s); {
	case strings.HasPrefix(o.Headers.Get("Grpc-Message"), ordered):
		a[fieldBy] = "a stand-in"
		return a
	case err != nil || s.Version == "":
		a[fieldBy] = "a proxy"
		a["body"] = strings.TrimSpace(o.Body[:min(len(o.Body), longBody)])
		return a
	}
	a[fieldBy] = s.Version
	a["path"], a["host"], a["method"] = s.Path, s.Host, s.Method
	if s.Attempt > 0 {
		a["attempts"] = strconv.Itoa(s.Attempt)
	}
	if s.Port > 0 {
		a["port of the pod"] = strconv.Itoa(s.Port)
	}
	if s.ServerName != "" {
		a["name asked of TLS"] = s.ServerName
	}
	a["mutual TLS"] = peer(s.Headers.Get("X-Forwarded-Client-Cert"))
	a.headers("request's header ", s.Headers)
	return a
}

// ordered begins the message with which a stand-in fails a call of gRPC on purpose.
const ordered = "as ordered"

// status is that of HTTP, or of gRPC; of bytes that they came back.
func status(o *Outcome) string {
	if code := o.Headers.Get("Grpc-Status"); code != "" {
		return "gRPC " + code
	}
	if o.Status == 0 {
		return "bytes came back"
	}
	return strconv.Itoa(o.Status)
}

func (a Answer) headers(prefix string, of http.Header) {
	for name, values := range of {
		if slices.Contains(changing, http.CanonicalHeaderKey(name)) {
			continue
		}
		if name == "Set-Cookie" { // its value may be made of an address
			values = []string{strings.SplitN(values[0], "=", 2)[0]}
		}
		a[prefix+strings.ToLower(name)] = strings.Join(values, ", ")
	}
}

// peer is whom the sidecar names in the last part of X-Forwarded-Client-Cert.
func peer(header string) string {
	if header == "" {
		return "no"
	}
	last := header[strings.LastIndex(header, ",")+1:]
	for part := range strings.SplitSeq(last, ";") {
		if uri, ok := strings.CutPrefix(part, "URI="); ok {
			return "of " + uri
		}
	}
	return "yes"
}

// class is how a request failed, without addresses. Whether a connection that the other
// side closes ends or is reset depends on what is still under way.
func class(problem string) string {
	for _, known := range [][2]string{
		{"connection refused", "connection refused"}, {"connection reset", "closed without an answer"}, {"EOF", "closed without an answer"},
		{"broken pipe", "closed without an answer"}, {"http2: client connection lost", "closed without an answer"},
		{"no such host", "no such host"}, {"Client.Timeout", "timeout"}, {"deadline exceeded", "timeout"}, {"i/o timeout", "timeout"}, {"no route to host", "no route to host"},
	} {
		if strings.Contains(problem, known[0]) {
			return known[1]
		}
	}
	return "failed"
}

// Answered says whether anything answered.
func (a Answer) Answered() bool { return !strings.HasPrefix(a[fieldStatus], "none") }

// OK says whether a stand-in answered that all is well.
func (a Answer) OK() bool { return a[fieldStatus] == "200" && a[fieldBy] != "a proxy" }

// String is the answer for people: who answered how.
func (a Answer) String() string {
	text := "status " + a[fieldStatus]
	if by := a[fieldBy]; by != "" {
		text += " by " + by
	}
	if attempts := a["attempts"]; attempts != "" && attempts != "1" {
		text += " at attempt " + attempts
	}
	if location := a["answer's header location"]; location != "" {
		text += " to " + location
	}
	return text
}

// key is the same for equal answers.
func (a Answer) key() string {
	// Maps of strings always become JSON, with their keys in order.
	content, _ := json.Marshal(a)
	return string(content)
}
