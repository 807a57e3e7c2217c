// Package answers compares what two versions of Istio make of the same questions, as far
// as clients and stand-ins see it.
package answers

import (
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
}

// seen is what of a request a stand-in repeats.
type seen struct {
	Pod     string      `json:"pod"`
	Version string      `json:"version"`
	Attempt int         `json:"attempt"`
	Method  string      `json:"method"`
	Host    string      `json:"host"`
	Path    string      `json:"path"`
	Headers http.Header `json:"headers"`
}

// Answer is an outcome by fields, without what differs from time to time.
type Answer map[string]string

// changing are headers that differ each time, or with the address of a pod.
var changing = []string{
	"Date", "Content-Length", "X-Request-Id", "X-Forwarded-For", "X-Envoy-External-Address", "X-Envoy-Upstream-Service-Time",
	"X-Envoy-Attempt-Count", "X-Envoy-Peer-Metadata", "X-Envoy-Peer-Metadata-Id", "Traceparent", "Tracestate",
	"X-Forwarded-Client-Cert", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid",
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
	a[fieldStatus] = strconv.Itoa(o.Status)
	a.headers("answer's header ", o.Headers)
	if len(o.Names) > 0 {
		a["certificate"] = strings.Join(o.Names, ", ")
	}
	var s seen
	if err := json.Unmarshal([]byte(o.Body), &s); err != nil || s.Version == "" {
		a[fieldBy] = "a proxy"
		a["body"] = strings.TrimSpace(o.Body[:min(len(o.Body), longBody)])
		return a
	}
	a[fieldBy] = s.Version
	a["path"], a["host"], a["method"] = s.Path, s.Host, s.Method
	if s.Attempt > 0 {
		a["attempts"] = strconv.Itoa(s.Attempt)
	}
	a["mutual TLS"] = peer(s.Headers.Get("X-Forwarded-Client-Cert"))
	a.headers("request's header ", s.Headers)
	return a
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

// class is how a request failed, without addresses.
func class(problem string) string {
	for _, known := range []string{"connection refused", "connection reset", "EOF", "no such host", "Client.Timeout", "deadline exceeded", "no route to host"} {
		if strings.Contains(problem, known) {
			return known
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
