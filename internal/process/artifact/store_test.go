package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/process/progress"
)

var thing = ID{Name: "thing", Key: "aaaa"}

func open(t *testing.T, dir string, logf progress.Logf) *Store {
	t.Helper()
	s, err := Open(dir, logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// writes returns a build function that leaves one file and counts its calls.
func writes(calls *atomic.Int32) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		calls.Add(1)
		return os.WriteFile(filepath.Join(dir, "file"), []byte("content"), 0o644)
	}
}

func TestEnsureBuildsOnce(t *testing.T) {
	dir := t.TempDir()
	var calls atomic.Int32
	// Two stores stand for two runs; each has several callers.
	var wg sync.WaitGroup
	for range 2 {
		s := open(t, dir, progress.Discard)
		for range 4 {
			wg.Go(func() {
				path, err := s.Ensure(t.Context(), thing, writes(&calls))
				if err != nil {
					t.Error(err)
					return
				}
				if data, err := os.ReadFile(filepath.Join(path, "file")); err != nil || string(data) != "content" {
					t.Errorf("read %q, %v", data, err)
				}
			})
		}
	}
	wg.Wait()
	if calls.Load() != 1 {
		t.Errorf("built %d times, want once", calls.Load())
	}
}

func TestEnsureKeepsNothingOfAFailedBuild(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, progress.Discard)
	broken := errors.New("compiler broke")
	_, err := s.Ensure(t.Context(), thing, func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o644), broken)
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v, want the error of the build", err)
	}
	if s.Has(thing) {
		t.Error("a failed build became the artifact")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".building-*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	var calls atomic.Int32
	if _, err := open(t, dir, progress.Discard).Ensure(t.Context(), thing, writes(&calls)); err != nil || calls.Load() != 1 {
		t.Errorf("a later run built %d times: %v", calls.Load(), err)
	}
}

func TestEnsureSweepsUpAfterARunThatDied(t *testing.T) {
	dir := t.TempDir()
	dead := filepath.Join(dir, ".building-thing-aaaa-123")
	if err := os.MkdirAll(dead, 0o755); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	if _, err := open(t, dir, progress.Discard).Ensure(t.Context(), thing, writes(&calls)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the unfinished build is still there: %v", err)
	}
}

func TestEnsureWaitsForAnotherRunAndCanBeInterrupted(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	var said string
	s := open(t, dir, func(format string, args ...any) {
		said = fmt.Sprintf(format, args...)
		cancel(interrupted)
	})
	other, err := filelock.Open(filepath.Join(dir, lockDir, thing.String()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err := other.Try(filelock.Alone); err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int32
	if _, err := s.Ensure(ctx, thing, writes(&calls)); !errors.Is(err, interrupted) {
		t.Errorf("got %v, want the cause of the interruption", err)
	}
	if calls.Load() != 0 || !strings.Contains(said, "waiting for another run") {
		t.Errorf("built %d times and said %q while another run held the lock", calls.Load(), said)
	}
}
