package project

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

func TestCopyOf(t *testing.T) {
	beside, dir := t.TempDir(), filepath.Join(t.TempDir(), "out")
	_, err := copyOf(filepath.Join(beside, "kernel-probe"), dir)
	if exitcode.Of(err) != exitcode.Environment || !strings.Contains(err.Error(), "run make programs where there is Go, and copy all of bin/") {
		t.Errorf("got %v", err)
	}
	for _, content := range []string{"old", "new"} {
		if err := os.WriteFile(filepath.Join(beside, "kernel-probe"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		path, err := copyOf(filepath.Join(beside, "kernel-probe"), dir)
		if err != nil || path != filepath.Join(dir, "kernel-probe") {
			t.Fatalf("got %s, %v", path, err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != content {
			t.Errorf("the copy holds %q, %v; want %q", got, err, content)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o111 != 0o111 {
			t.Errorf("the copy cannot be run: %v, %v", info.Mode(), err)
		}
	}
}

// Without go in PATH the program is the one beside this one: the test binary has none.
func TestProgramWithoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Program(t.Context(), "load-generator", t.TempDir(), t.TempDir())
	if exitcode.Of(err) != exitcode.Environment || !strings.Contains(err.Error(), "neither go in PATH to build load-generator with") {
		t.Errorf("got %v", err)
	}
}

// A site without Go has only what make programs compiles.
func TestMakeProgramsCompilesEveryCommand(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join("..", "..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(makefile), "\nprograms: ")
	compiled, _, found := strings.Cut(rest, " ##")
	if !found {
		t.Fatal("the Makefile has no target programs")
	}
	commands, err := os.ReadDir(filepath.Join("..", "..", "..", "cmd"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"e2e.test"}
	for _, c := range commands {
		names = append(names, c.Name())
	}
	for _, name := range names {
		if !slices.Contains(strings.Fields(compiled), "$(BIN)/"+name) {
			t.Errorf("make programs does not compile %s: %s", name, compiled)
		}
	}
}
