package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sigs.k8s.io/kind/pkg/exec"
)

func TestInterruptibleReturnsWhatCreateSays(t *testing.T) {
	want := errors.New("no space left on device")
	err := interruptible(t.Context(), func() error { return want }, func(context.Context) error {
		t.Error("removed although nothing was interrupted")
		return nil
	})
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestInterruptibleRemovesUntilCreateGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupt := errors.New("interrupt")
	const removals = 2 // the first one comes too early
	gone := make(chan struct{})
	create := func() error {
		cancel(interrupt)
		<-gone
		return errors.New("no such container")
	}
	count := 0
	err := interruptible(ctx, create, func(ctx context.Context) error {
		if ctx.Err() != nil {
			t.Error("the context of a removal has ended")
		}
		if count++; count == removals {
			close(gone)
		}
		return errors.New("removal in progress")
	})
	if !errors.Is(err, interrupt) || strings.Contains(err.Error(), "no such container") {
		t.Errorf("error %v, want the cause alone", err)
	}
	if count < removals {
		t.Errorf("%d removals, want %d", count, removals)
	}
}

func TestLastWords(t *testing.T) {
	output := "[init] Using Kubernetes version: v1.36.3\nI1124 02:43:15.620379     209 round_trippers.go:632] \"Response\" verb=\"POST\"\nerror: kubelet is not healthy\r\n\n" +
		"k8s.io/kubernetes/cmd/kubeadm/app/cmd/phases/workflow.(*Runner).Run.func1\n\tk8s.io/kubernetes/cmd/kubeadm/app/runner.go:262\nmain.main\n\tkubeadm.go:25\nruntime.goexit\n\truntime/asm_amd64.s:1771\n"
	err := fmt.Errorf("no cause: %w", errors.New("x"))
	if got := lastWords(err); got != "" {
		t.Errorf("words of an error without output: %q", got)
	}
	failed := func(output string) error {
		return &exec.RunError{Command: []string{"kubeadm"}, Output: []byte(output), Inner: errors.New("exit status 1")}
	}
	got := lastWords(failed(output))
	want := "\n  [init] Using Kubernetes version: v1.36.3\n  error: kubelet is not healthy"
	if got != want {
		t.Errorf("words %q, want %q", got, want)
	}
	long := strings.Repeat("a line\n", lastLines) + "the last line\n"
	got = lastWords(failed(long))
	if strings.Count(got, "\n") != lastLines || !strings.HasSuffix(got, "the last line") {
		t.Errorf("words %q", got)
	}
}

func TestKindLogger(t *testing.T) {
	var lines []string
	l := kindLogger{func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }}
	l.V(0).Infof(" • %s  ...\n", "Preparing nodes")
	l.V(0).Infof(" ✓ %s\n", "Preparing nodes")
	l.V(1).Info("debugging")
	l.V(0).Info("")
	l.Warnf("cgroup %s", "v1")
	l.Error("100% wrong")
	got := strings.Join(lines, "|")
	if want := "✓ Preparing nodes|warning: cgroup v1|error: 100% wrong"; got != want {
		t.Errorf("lines %q, want %q", got, want)
	}
	if l.V(1).Enabled() || !l.V(0).Enabled() {
		t.Error("only verbosity 0 is for users")
	}
}

func TestOnEachJoinsErrorsInOrder(t *testing.T) {
	var mu sync.Mutex
	sum := 0
	err := onEach([]int{1, 2, 3}, func(i int) error {
		mu.Lock()
		defer mu.Unlock()
		sum += i
		if i == 2 {
			return nil
		}
		return fmt.Errorf("item %d", i)
	})
	if sum != 6 || err == nil || err.Error() != "item 1\nitem 3" {
		t.Errorf("sum %d, error %v", sum, err)
	}
}
