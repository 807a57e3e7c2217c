package modules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestContainerdThatDoesNotStart(t *testing.T) {
	bin := t.TempDir()
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	script := "#!/bin/sh\necho starting\necho 'cannot open the database' >&2\nexit 3\n"
	if err := os.WriteFile(filepath.Join(bin, "containerd"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := startContainerd(t.Context(), bin, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "cannot open the database") {
		t.Errorf("got %v", err)
	}
	if _, err := startContainerd(t.Context(), t.TempDir(), t.TempDir()); err == nil {
		t.Error("started a program that is not there")
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
