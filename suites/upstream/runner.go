package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/stack"
)

const (
	// namespace and podName are those of fixtures/apps/gateway-api.yaml.
	namespace = "istio-conformance-gateway-api"
	podName   = "gateway-api"
	// reopen is the time between two tries to read the log of the suite's pod.
	reopen = time.Second
	// mostLine bounds a line of the log: the report is one.
	mostLine = 4 << 20
)

// runner follows the suite in its pod and hands out what became of each test.
type runner struct {
	stack *stack.Stack
	// file receives all that the suite writes.
	file *os.File

	mu      sync.Mutex
	output  *output
	changed chan struct{}
	// ended says that nothing more will come, and why is the reason where that is a failure.
	ended bool
	why   error
}

func newRunner(s *stack.Stack, file *os.File) *runner {
	return &runner{stack: s, file: file, output: newOutput(), changed: make(chan struct{})}
}

// follow reads the log of the suite's pod until that has ended. What keeps it from being
// read is tried again.
func (r *runner) follow(ctx context.Context) {
	var why error
	read := 0
	for {
		n, err := r.read(ctx, read)
		read += n
		phase, phaseErr := r.phase(ctx)
		if done := phase == corev1.PodSucceeded || phase == corev1.PodFailed; done && err == nil {
			break
		}
		if why = errors.Join(err, phaseErr); ctx.Err() != nil || apierrors.IsNotFound(phaseErr) {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(reopen):
		}
	}
	r.update(func() { r.ended, r.why = true, errors.Join(why, r.file.Close()) })
}

// read takes the lines of the log after the first known ones, and says how many it took.
func (r *runner) read(ctx context.Context, known int) (taken int, err error) {
	log, err := r.stack.Cluster.Kube.CoreV1().Pods(namespace).GetLogs(podName, &corev1.PodLogOptions{Follow: true}).Stream(ctx)
	if err != nil {
		return 0, fmt.Errorf("log of Pod %s/%s: %w", namespace, podName, err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, mostLine)
	for n := 0; lines.Scan(); n++ {
		if n < known {
			continue
		}
		taken++
		var failed error
		r.update(func() {
			r.output.take(lines.Text())
			_, failed = io.WriteString(r.file, lines.Text()+"\n")
		})
		if failed != nil {
			return taken, failed
		}
	}
	return taken, lines.Err()
}

func (r *runner) phase(ctx context.Context) (corev1.PodPhase, error) {
	pod := &corev1.Pod{}
	err := r.stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: podName}, pod)
	return pod.Status.Phase, err
}

// update changes what is known and wakes who waits for it.
func (r *runner) update(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
}

// errNoResult is why a test has no outcome when the suite has ended.
var errNoResult = errors.New("the suite ended without a result of this test")

// wait waits until look finds what it looks for. Where the suite has ended without it,
// the error says so.
func (r *runner) wait(ctx context.Context, look func(*output) bool) error {
	for {
		r.mu.Lock()
		found, ended, why, changed := look(r.output), r.ended, r.why, r.changed
		r.mu.Unlock()
		switch {
		case found:
			return nil
		case ended && why != nil:
			return fmt.Errorf("%w: %w", errNoResult, why)
		case ended:
			return errNoResult
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for the suite: %w", context.Cause(ctx))
		case <-changed:
		}
	}
}

// outcome waits until a test has ended.
func (r *runner) outcome(ctx context.Context, test string) (found outcome, err error) {
	err = r.wait(ctx, func(o *output) (there bool) {
		found, there = o.outcomes[test]
		return there
	})
	return found, err
}

// wholeReport waits until the suite has ended, and returns its report.
func (r *runner) wholeReport(ctx context.Context) (report string, err error) {
	err = r.wait(ctx, func(o *output) bool {
		report = o.report
		return report != ""
	})
	return report, err
}

// said is what the suite itself said, apart from its tests.
func (r *runner) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.output.log("").String()
}
