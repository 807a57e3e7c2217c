package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/rehearse/answers"
	"istio-conformance/internal/rehearse/questions"
	"istio-conformance/internal/rehearse/stage"
)

const (
	// settleTimeout bounds the time until two rounds of questions are answered alike.
	settleTimeout = 2 * time.Minute
	// askersAtOnce is how many pods ask at the same time.
	askersAtOnce = 3
	// questionTimeout is how long one may take: longer than any that is slow on purpose.
	questionTimeout = 15 * time.Second
)

// round is what was answered, by the question's key.
type round map[string]*answers.Answers

// asked is a question as images/backend/questions.go reads it.
type asked struct {
	URL          string            `json:"url"`
	Host         string            `json:"host"`
	Method       string            `json:"method"`
	Headers      map[string]string `json:"headers,omitempty"`
	Milliseconds int64             `json:"milliseconds"`
}

// settled asks questions again until two rounds are answered alike, and returns the
// answers of both. After some time it takes the last two as they are: what is not alike
// then is not stable by itself.
func (r *Rehearsal) settled(ctx context.Context, all []*questions.Question, logf progress.Logf) (round, error) {
	deadline := time.Now().Add(settleTimeout)
	last, err := r.ask(ctx, all)
	if err != nil {
		return nil, err
	}
	for n := 2; ; n++ {
		now, err := r.ask(ctx, all)
		if err != nil {
			return nil, err
		}
		changed := unlike(all, last, now)
		logf("round %d: %d of %d questions are answered otherwise than before", n, changed, len(now))
		if changed == 0 || time.Now().After(deadline) {
			for key, a := range now {
				a.Merge(last[key])
			}
			return now, nil
		}
		last = now
	}
}

// unlike counts the questions that two rounds answer otherwise, without those whose
// answers chance decides.
func unlike(all []*questions.Question, a, b round) int {
	n := 0
	for _, q := range all {
		if q.Times == 1 && a[q.Key()] != nil && b[q.Key()] != nil && !a[q.Key()].Same(b[q.Key()]) {
			n++
		}
	}
	return n
}

// ask asks every question once, or as often as it must be: what makes stand-ins slow or
// fail comes last, so that it disturbs no other.
func (r *Rehearsal) ask(ctx context.Context, questions []*questions.Question) (round, error) {
	var all []*sent
	for _, ordered := range []bool{false, true} {
		byAsker := map[string][]*sent{}
		for _, q := range questions {
			for range q.Times {
				if q.Orders() == ordered {
					byAsker[q.Asker] = append(byAsker[q.Asker], r.mark(q))
				}
			}
		}
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(askersAtOnce)
		for _, asker := range slices.Sorted(maps.Keys(byAsker)) {
			all = append(all, byAsker[asker]...)
			group.Go(func() error {
				if err := r.askBy(ctx, asker, byAsker[asker]); err != nil {
					return fmt.Errorf("questions of %s: %w", asker, err)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
	}
	if err := r.others(ctx, all); err != nil {
		return nil, err
	}
	found := round{}
	for _, s := range all {
		if found[s.q.Key()] == nil {
			found[s.q.Key()] = answers.New()
		}
		found[s.q.Key()].Add(&s.outcome)
	}
	return found, nil
}

// standIn is the pod that asks.
func (r *Rehearsal) standIn(asker string) *stage.StandIn {
	name := map[string]string{questions.Outside: outsideNamespace + "/client", questions.Client: clientNamespace + "/client"}[asker]
	if name == "" {
		name = asker
	}
	for _, s := range r.live.StandIns {
		if s.String() == name {
			return s
		}
	}
	return nil
}

func (r *Rehearsal) askBy(ctx context.Context, asker string, all []*sent) error {
	list := make([]asked, 0, len(all))
	for _, s := range all {
		headers := s.q.Headers
		if s.id != "" {
			headers = maps.Clone(headers)
			headers[idHeader] = s.id
		}
		list = append(list, asked{s.q.URL, s.q.Host, s.q.Method, headers, questionTimeout.Milliseconds()})
	}
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	var outcomes []answers.Outcome
	if err := r.order(ctx, asker, http.MethodPost, "questions", bytes.NewReader(body), &outcomes); err != nil {
		return err
	}
	if len(outcomes) != len(all) {
		return fmt.Errorf("%d questions have %d answers", len(all), len(outcomes))
	}
	for i, s := range all {
		s.outcome = outcomes[i]
	}
	return nil
}

// order sends an order to the asker's own port, past its sidecar, and reads what it says.
func (r *Rehearsal) order(ctx context.Context, asker, method, path string, body io.Reader, into any) (err error) {
	s := r.standIn(asker)
	if s == nil {
		return errors.New("there is no such stand-in")
	}
	pods, err := r.Stack.ReadyPods(ctx, s.Namespace, stage.StandInLabel+"="+s.Name)
	if err != nil {
		return err
	}
	if len(pods) == 0 {
		return fmt.Errorf("no pod of %s is ready", s)
	}
	local, stop, err := r.Stack.Cluster.PortForward(ctx, s.Namespace, pods[0].Name, int(s.Health))
	if err != nil {
		return err
	}
	// What ends the way after the answer is of no interest.
	defer func() { _ = stop() }()
	request, err := http.NewRequestWithContext(ctx, method, fmt.Sprintf("http://127.0.0.1:%d/%s", local, path), body)
	if err != nil {
		return err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	content, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%s /%s: status %s: %.200s", method, path, response.Status, content)
	case into == nil:
		return nil
	}
	return json.Unmarshal(content, into)
}
