package kit

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/traffic/probe"
)

// IDHeader marks a request; the backend logs what carries it.
const IDHeader = "X-Conformance-Id"

// Mark returns a new id for a request and the header that carries it.
func Mark() (id string, header http.Header) {
	id = rand.String(12)
	return id, http.Header{IDHeader: {id}}
}

// WithID adds an id to a target's query, by which the access log is searched.
func WithID(target, id string) string {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + "id=" + id
}

// IDOf returns the id that WithID added to a target; empty when there is none.
func IDOf(target string) string {
	_, query, _ := strings.Cut(target, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	return values.Get("id")
}

// Answer is what the backend says of a request: in its response and in its log.
type Answer struct {
	ID       string `json:"id"`
	Pod      string `json:"pod"`
	Version  string `json:"version"`
	Status   int    `json:"status"`
	Attempt  int    `json:"attempt"`
	Method   string `json:"method"`
	Host     string `json:"host"`
	Path     string `json:"path"`
	Protocol string `json:"protocol"`
	// Headers and Trailers are the request's as the backend got them.
	Headers  http.Header `json:"headers"`
	Trailers http.Header `json:"trailers"`
	// Port is the port that the request came in by.
	Port int `json:"port"`
	// Bytes and SHA256 are of the request's body; BodyError says why it did not
	// come whole.
	Bytes     int64  `json:"bytes"`
	SHA256    string `json:"sha256"`
	BodyError string `json:"bodyError"`
	// Messages counts what came by a stream.
	Messages int `json:"messages"`
	// ServerName and Certificate are of TLS that ended at the backend: what the
	// client asked for, and the SHA-256 of what it was shown.
	ServerName  string `json:"serverName"`
	Certificate string `json:"certificate"`
	// Padding is in responses that were ordered larger.
	Padding string `json:"padding"`
}

// ParseAnswer reads the backend's answer from a response, and fails the check
// when something else answered.
func ParseAnswer(t *check.T, r probe.Response) Answer {
	t.Helper()
	var a Answer
	t.Expect(json.Unmarshal(r.Body, &a)).To(gomega.Succeed(), "the answer is not the backend's: %s", r)
	return a
}
