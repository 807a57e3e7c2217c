package wire

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/probe"
	"istio-conformance/internal/stack"
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
	Name     string  `json:"name"`
	Why      string  `json:"why"`
	Request  string  `json:"request"`
	Statuses [][]int `json:"statuses"`
	Arrives  int     `json:"arrives"`
	Open     bool    `json:"open"`

	id, smuggled string
}

// framing sends requests whose end or head is ambiguous.
func framing(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "request-framing",
		Parallel: true,
		Promise:  "requests with ambiguous ends and malformed heads (smuggling pairs, folded headers, bare line feeds, bad hosts) are refused, nothing hidden in them arrives, and Envoy goes on",
		Run: func(ctx context.Context, t *check.T) {
			var corpus struct {
				Cases []frame `json:"cases"`
			}
			load(t, "framing", &corpus)
			r := kit.NewRoute(ctx, t, s, "wire", nil)
			life := kit.LookAtGateway(ctx, t, s)
			t.Diagnose("the gateway lets a request pass that two servers may understand differently",
				"look at http_protocol_options of the gateway's listener in the config dump in the evidence for what was made more lenient",
				"https://www.rfc-editor.org/rfc/rfc9112#section-11.2")
			cases := corpus.Cases
			wrong := each(len(cases), func(i int) error {
				if err := cases[i].send(ctx, s, r.Host); err != nil {
					return fmt.Errorf("%s (%s): %w", cases[i].Name, cases[i].Why, err)
				}
				return nil
			})
			t.Expect(wrong).To(gomega.BeEmpty(), "of %d inputs", len(cases))
			t.Diagnose("a request that the gateway must not have sent reached the backend",
				"look for its id in the backend's and in the gateway's log in the evidence", "https://www.rfc-editor.org/rfc/rfc9112#section-11.2")
			// The control's line is the newest that the log must hold before it can
			// be taken for complete.
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, cases[0].id) }).
				Should(gomega.HaveLen(1), "the control in the backend's own log")
			t.Expect(arrived(ctx, t, s, cases)).To(gomega.BeEmpty(), "requests at the backend")
			t.Expect(r.Get(ctx, "/", nil).Status).To(gomega.Equal(200), "the route afterwards")
			life.MustBeTheSame(ctx, t, s)
			t.Observe("%d inputs refused or understood in one way only", len(cases))
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
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(f.Statuses, func(may []int) bool { return slices.Equal(may, result.Statuses) }) {
		return fmt.Errorf("want one of %v, got %s", f.Statuses, result)
	}
	return nil
}

// arrived says of each case what is wrong with what the backend got of it.
func arrived(ctx context.Context, t *check.T, s *stack.Stack, cases []frame) []string {
	// One look for all of them.
	logs, err := s.Logs(ctx, s.Namespace, kit.BackendSelector, "backend")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	count := func(id string) int { return strings.Count(logs, fmt.Sprintf(`{"id":%q`, id)) }
	var wrong []string
	for _, f := range cases {
		if n := count(f.id); n != f.Arrives {
			wrong = append(wrong, fmt.Sprintf("%s: %d requests, want %d", f.Name, n, f.Arrives))
		}
		if n := count(f.smuggled); n != 0 {
			wrong = append(wrong, fmt.Sprintf("%s: the hidden request, %d times", f.Name, n))
		}
	}
	return wrong
}
