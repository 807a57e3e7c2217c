package engine

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"istio-conformance/internal/process/filelock"
)

func TestLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "engine", "lock")
	first, err := filelock.Shared(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := filelock.Shared(path)
	if err != nil {
		t.Fatalf("two shared locks: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := filelock.Exclusive(path); !errors.Is(err, filelock.ErrLocked) {
		t.Errorf("exclusive beside shared: %v", err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	if _, err := lockFile(ended, path); err == nil || !strings.Contains(err.Error(), "interrupted") || !strings.Contains(err.Error(), path) {
		t.Errorf("an ended wait for the lock: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	third, err := lockFile(t.Context(), path)
	if err != nil {
		t.Fatalf("the lock is free: %v", err)
	}
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
}
