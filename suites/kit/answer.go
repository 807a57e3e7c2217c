package kit

import (
	"encoding/json"
	"net/http"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/probe"
)

// idHeader marks a request; the backend logs what carries it.
const idHeader = "X-Conformance-Id"

// Mark returns a new id for a request and the header that carries it.
func Mark() (id string, header http.Header) {
	id = rand.String(12)
	return id, http.Header{idHeader: {id}}
}

// Answer is what the backend says of a request: in its response and in its log.
type Answer struct {
	ID       string              `json:"id"`
	Pod      string              `json:"pod"`
	Version  string              `json:"version"`
	Status   int                 `json:"status"`
	Attempt  int                 `json:"attempt"`
	Method   string              `json:"method"`
	Host     string              `json:"host"`
	Path     string              `json:"path"`
	Protocol string              `json:"protocol"`
	Headers  map[string][]string `json:"headers"`
}

// ParseAnswer reads the backend's answer from a response, and fails the check
// when something else answered.
func ParseAnswer(t *check.T, r probe.Response) Answer {
	t.Helper()
	var a Answer
	t.Expect(json.Unmarshal(r.Body, &a)).To(gomega.Succeed(), "the answer is not the backend's: %s", r)
	return a
}
