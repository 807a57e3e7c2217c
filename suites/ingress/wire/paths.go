package wire

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// path is a case of fixtures/wire/paths.yaml, which explains its fields.
type path struct {
	Path    string `json:"path"`
	Status  []int  `json:"status"`
	Arrives string `json:"arrives"`

	id     string
	status int
}

var _ = Checks.Add(paths)

// paths sends paths that are other paths once they are normalised.
func paths(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "path-normalisation",
		Parallel: true,
		Promise:  "dot segments, backslashes and escaped letters are resolved before the gateway chooses a route, escaped and double slashes are left alone (Istio's default, BASE), and what a route forbids never arrives",
		Run: func(ctx context.Context, t *check.T) {
			c := corpus[path]{send: (*path).send, judge: (*path).judge}
			c.read(t, "paths")
			r := kit.NewRoute(ctx, t, s, "wire", nil)
			life := kit.LookAtGateway(ctx, t, s)
			t.Diagnose("the gateway chooses a route by another path than Istio's default normalisation makes of it",
				"look at normalize_path, merge_slashes and path_with_escaped_slashes_action of the gateway's listener in the config dump in the evidence, and at meshConfig.pathNormalization",
				"https://istio.io/latest/docs/reference/config/security/normalization/")
			c.mustBeAnswered(ctx, t, s, r.Host)
			c.mustArriveRight(ctx, t, s)
			life.MustBeTheSame(ctx, t, s)
			t.Observe("%d paths", len(c.cases))
		},
	}
}

// send sends the path byte for byte, which no client of Go's does.
func (p *path) send(ctx context.Context, s *stack.Stack, host string) error {
	p.id, _ = kit.Mark()
	request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nX-Conformance-Id: %s\r\nConnection: close\r\n\r\n", p.Path, host, p.id)
	result, err := probe.Raw(ctx, address(s), []byte(request), answerTime)
	if err != nil {
		return fmt.Errorf("%s: %w", p.Path, err)
	}
	if len(result.Statuses) != 1 || !slices.Contains(p.Status, result.Statuses[0]) {
		return fmt.Errorf("%s: want one of %v, got %s", p.Path, p.Status, result)
	}
	p.status = result.Statuses[0]
	return nil
}

// judge says what is wrong with what the backend got of a path; empty is nothing.
func (p *path) judge(log map[string][]kit.Answer) string {
	var want, got []string
	if p.status == http.StatusOK {
		want = []string{p.Arrives}
	}
	for _, a := range log[p.id] {
		got = append(got, a.Path)
	}
	if slices.Equal(want, got) {
		return ""
	}
	return fmt.Sprintf("%s: the backend got %q, want %q", p.Path, got, want)
}
