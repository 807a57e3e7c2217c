package wire

import (
	"context"
	"sync"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// corpus is a file of cases. Each is sent to the gateway, and what the backend got of
// it is judged.
type corpus[C any] struct {
	cases []C
	// send sends a case and compares what comes back with what may.
	send func(c *C, ctx context.Context, s *stack.Stack, host string) error
	// judge says what is wrong with what the backend got of a case; empty is nothing.
	judge func(c *C, log map[string][]kit.Answer) string
}

// read fills the corpus from fixtures/wire/<name>.yaml.
func (c *corpus[C]) read(t *check.T, name string) {
	var file struct {
		Cases []C `json:"cases"`
	}
	load(t, name, &file)
	c.cases = file.Cases
}

// mustBeAnswered sends all cases.
func (c *corpus[C]) mustBeAnswered(ctx context.Context, t *check.T, s *stack.Stack, host string) {
	wrong := each(len(c.cases), func(i int) error { return c.send(&c.cases[i], ctx, s, host) })
	t.Expect(wrong).To(gomega.BeEmpty(), "of %d inputs", len(c.cases))
}

// mustArriveRight waits until the backend has got what it should of all cases.
func (c *corpus[C]) mustArriveRight(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Eventually(ctx, func() ([]string, error) { return c.misled(ctx, s) }).Should(gomega.BeEmpty(), "requests at the backend")
}

// each runs f for every index, a few at the same time, and returns what was wrong,
// in order.
func each(n int, f func(i int) error) []string {
	errs := make([]error, n)
	slots := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = f(i)
		})
	}
	wait.Wait()
	var wrong []string
	for _, err := range errs {
		if err != nil {
			wrong = append(wrong, err.Error())
		}
	}
	return wrong
}

// misled reads the backend's log once and says of each case what is wrong with
// what arrived of it.
func (c *corpus[C]) misled(ctx context.Context, s *stack.Stack) ([]string, error) {
	log, err := kit.BackendLogs(ctx, s)
	if err != nil {
		return nil, err
	}
	var wrong []string
	for i := range c.cases {
		if words := c.judge(&c.cases[i], log); words != "" {
			wrong = append(wrong, words)
		}
	}
	return wrong, nil
}
