package kit

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// trafficPause is between two requests of one worker; trafficWorkers send at once.
const (
	trafficPause   = 50 * time.Millisecond
	trafficWorkers = 2
	// keptFailures is how many failures are told; all are counted.
	keptFailures = 5
)

// Traffic is a stream of requests that goes on while something is done to the
// mesh. Its rate is low: it is there to notice a gap, not to measure.
type Traffic struct {
	stop context.CancelFunc
	wait sync.WaitGroup
	once sync.Once

	mu     sync.Mutex
	result TrafficResult
}

// TrafficResult is what became of the requests.
type TrafficResult struct {
	Requests, Failed int
	// Failures are the first ones that were not answered 200, with their time.
	Failures []string
}

// StartTraffic sends requests to the host, each once, until Stop.
func StartTraffic(ctx context.Context, c Scratch) *Traffic {
	ctx, cancel := context.WithCancel(ctx)
	t := &Traffic{stop: cancel}
	for range trafficWorkers {
		t.wait.Go(func() { t.send(ctx, c) })
	}
	return t
}

func (t *Traffic) send(ctx context.Context, c Scratch) {
	ticker := time.NewTicker(trafficPause)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		started := time.Now()
		// Not ctx: the last request must be answered too.
		response := c.Get(context.WithoutCancel(ctx), nil)
		t.mu.Lock()
		t.result.Requests++
		if response.Status != 200 || response.Err != nil {
			t.result.Failed++
			if t.result.Failed <= keptFailures {
				t.result.Failures = append(t.result.Failures, fmt.Sprintf("%s: %s %.200q", started.Format("15:04:05.000"), response, response.Body))
			}
		}
		t.mu.Unlock()
	}
}

// Requests is how many requests have been answered or have failed so far.
func (t *Traffic) Requests() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result.Requests
}

// Stop ends the stream after the requests that are under way.
func (t *Traffic) Stop() TrafficResult {
	t.once.Do(func() {
		t.stop()
		t.wait.Wait()
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result
}
