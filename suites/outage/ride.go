package outage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
)

const (
	// outageTimeout bounds a check: its outage, what follows and the way back.
	outageTimeout = 6 * time.Minute
	// backTimeout bounds the time until what was taken away works again, on a busy
	// machine too.
	backTimeout = 2 * time.Minute
	// flowTimeout bounds the time until new configuration flows again. Istiod's watches ask
	// an API server that was away again after 30 to 60 s at most.
	// Source: k8s.io/client-go tools/cache/reflector.go, NewReflectorWithOptions.
	flowTimeout = 2 * time.Minute
	// longest bounds the traffic, should nothing end it.
	longest = 20 * time.Minute
	// after is how long traffic is watched when all is back.
	after = 2 * time.Second
	// lookEvery is how often the gateway is asked for a route that is new.
	lookEvery = 50 * time.Millisecond
)

// ride is traffic through an outage.
type ride struct {
	stack *stack.Stack
	// what is out of order, as a sentence: "the API server is stopped".
	what    string
	route   kit.Route
	traffic *flow.Traffic
	// ended is when what was taken away was given back; zero while it is away.
	ended time.Time
	// unconfigured is why new configuration did not reach the gateway.
	unconfigured error
}

// begin sees to it that the cluster is left healthy, and starts traffic to the backend
// that all checks share.
func begin(ctx context.Context, t *check.T, s *stack.Stack, what string) *ride {
	t.Helper()
	r := prepare(ctx, t, s, what, "outage", nil)
	r.start(ctx, t, "backend")
	return r
}

// prepare is begin without traffic: its route is fixtures/routes/<fixture>.yaml.
func prepare(ctx context.Context, t *check.T, s *stack.Stack, what, fixture string, values map[string]string) *ride {
	t.Helper()
	t.CleanupWithin(ctx, 2*backTimeout, func(ctx context.Context) { mustBeHealthy(ctx, t, s) })
	return &ride{stack: s, what: what, route: kit.NewRoute(ctx, t, s, fixture, values)}
}

// start starts the traffic, part of which a pod of the Service sends on to it once more.
func (r *ride) start(ctx context.Context, t *check.T, service string) {
	t.Helper()
	r.startKinds(ctx, t, flow.Kinds(service+"."+r.stack.Namespace))
}

// startKinds is start for some kinds of traffic.
func (r *ride) startKinds(ctx context.Context, t *check.T, kinds []flow.Kind) {
	t.Helper()
	t.Diagnose("there is no traffic that the outage could meet", "the message says why", "https://istio.io/latest/docs/ops/diagnostic-tools/")
	at, err := flow.Address(ctx, r.stack, r.route.Host)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	r.traffic, err = flow.Start(ctx, at, r.route.Host, longest, kinds)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(r.traffic.Stop)
}

// last lets the traffic run for a time, which is how long an outage lasts.
func last(ctx context.Context, t *check.T, duration time.Duration) {
	t.Helper()
	if !kit.Pause(ctx, duration) {
		t.Expect(context.Cause(ctx)).NotTo(gomega.HaveOccurred(), "the outage was to last for %s", duration)
	}
}

// back notes that what was taken away is given back now.
func (r *ride) back() { r.ended = time.Now() }

// when says whether that has happened.
func (r *ride) when() string {
	if r.ended.IsZero() {
		return "during the outage"
	}
	return "after the outage"
}

// freshRoute begins the name of what configure makes.
const freshRoute = "fresh"

// configure asks for a host that is new until the gateway serves it, and notes how long
// that took since the outage ended, or since now while it lasts. judge says what became
// of it, after what is worse: lost requests.
func (r *ride) configure(ctx context.Context, t *check.T) {
	t.Helper()
	from := r.ended
	if from.IsZero() {
		from = time.Now()
	}
	t.Diagnose("the webhook that validates Istio's resources does not answer "+r.when(), "look at istiod's pods and log in the evidence", "https://istio.io/latest/docs/ops/common-problems/validation/")
	kit.MustJudge(ctx, t, r.stack)
	fresh := kit.NewScratch(ctx, t, r.stack, freshRoute)
	kit.ApplyAgain(ctx, t, r.stack, fresh.Namespace, "install/answer.yaml", fresh.Values(map[string]string{"Body": fresh.Name}))
	if r.unconfigured = served(ctx, fresh); r.unconfigured == nil {
		t.Observe("new configuration reached the gateway %s: %s after the outage's end or the change", r.when(), wait(time.Since(from)))
	}
}

// served waits until the gateway answers by the route of a host that is new.
func served(ctx context.Context, fresh kit.Scratch) error {
	ctx, cancel := context.WithTimeout(ctx, flowTimeout)
	defer cancel()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		response := fresh.Get(ctx, nil)
		if response.Status == 200 && string(response.Body) == fresh.Name {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("host %s is not served within %s: %s", fresh.Host, flowTimeout, response), context.Cause(ctx))
		}
	}
}

func wait(d time.Duration) time.Duration { return d.Round(100 * time.Millisecond) }
