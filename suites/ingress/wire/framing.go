package wire

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

const (
	// answerTime bounds a response; a connection that the gateway keeps open after
	// one takes all of it.
	answerTime = 10 * time.Second
	// openTime is how long an unfinished head is looked at.
	openTime = time.Second
)

// frame is a case of fixtures/wire/framing.yaml, which explains its fields.
type frame struct {
	Name     string              `json:"name"`
	Why      string              `json:"why"`
	Request  string              `json:"request"`
	Statuses [][]int             `json:"statuses"`
	Headers  map[string][]string `json:"headers"`
	Open     bool                `json:"open"`

	id, smuggled string
	// answered is how many answers 200 came.
	answered int
}

var _ = Checks.Add(framing)

// framing sends requests whose end or head is ambiguous.
func framing(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "request-framing",
		SkipIf:   s.WhyTakesAll,
		Parallel: true,
		Promise:  "requests with ambiguous ends and malformed heads (smuggling pairs, folded headers, bare line feeds, bad hosts) are rejected, no smuggled request reaches the backend, and Envoy keeps serving",
		Run: func(ctx context.Context, t *check.T) {
			c := corpus[frame]{send: (*frame).send, judge: (*frame).judge}
			c.read(t, "framing")
			r := kit.NewRoute(ctx, t, s, "wire", nil)
			life := kit.LookAtGateway(ctx, t, s)
			t.Diagnose("the gateway lets a request pass that two servers may understand differently",
				"look at http_protocol_options of the gateway's listener in the config dump in the evidence for what was made more lenient",
				"https://www.rfc-editor.org/rfc/rfc9112#section-11.2")
			c.mustBeAnswered(ctx, t, s, r.Host)
			t.Diagnose("a request that the gateway must not have sent reached the backend",
				"look for its id in the backend's and in the gateway's log in the evidence", "https://www.rfc-editor.org/rfc/rfc9112#section-11.2")
			c.mustArriveRight(ctx, t, s)
			t.Expect(r.Get(ctx, "/", nil).Status).To(gomega.Equal(200), "the route afterwards")
			life.MustBeTheSame(ctx, t, s)
			t.Observe("%d inputs refused or understood in one way only", len(c.cases))
		},
	}
}

// send sends a case and compares what comes back with what may.
func (f *frame) send(ctx context.Context, s *stack.Stack, host string) error {
	f.id, _ = kit.Mark()
	f.smuggled, _ = kit.Mark()
	// Three names of the corpus; ids are as long as their names are not, so that a
	// case must not count bytes around them.
	request := strings.NewReplacer("HOST", host, "HO ST", "a b.conformance.test", "SMUGGLED", f.smuggled, "ID", f.id).Replace(f.Request)
	timeout := answerTime
	if f.Open {
		timeout = openTime
	}
	result, err := probe.Raw(ctx, address(s), []byte(request), timeout)
	if err == nil && !slices.ContainsFunc(f.Statuses, func(may []int) bool { return slices.Equal(may, result.Statuses) }) {
		err = fmt.Errorf("want one of %v, got %s", f.Statuses, result)
	}
	if err != nil {
		return fmt.Errorf("%s (%s): %w", f.Name, f.Why, err)
	}
	for _, status := range result.Statuses {
		if status == http.StatusOK {
			f.answered++
		}
	}
	return nil
}

// judge says what is wrong with what the backend got of a case; empty is nothing.
func (f *frame) judge(log map[string][]kit.Answer) string {
	if n := len(log[f.smuggled]); n != 0 {
		return fmt.Sprintf("%s: the hidden request arrived, %d times", f.Name, n)
	}
	whole := 0
	for _, a := range log[f.id] {
		// The gateway sends a body on as it comes. Where it finds it malformed it has
		// to break off what it has begun, and the backend must notice.
		if a.BodyError == "" {
			whole++
		}
	}
	if whole != f.answered {
		return fmt.Sprintf("%s: %d requests arrived whole and %d were answered 200", f.Name, whole, f.answered)
	}
	for _, a := range log[f.id] {
		for name, may := range f.Headers {
			if got := a.Headers.Get(name); !slices.Contains(may, got) {
				return fmt.Sprintf("%s: the backend got %s: %q, want one of %q", f.Name, name, got, may)
			}
		}
	}
	return ""
}
