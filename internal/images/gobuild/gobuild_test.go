package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"istio-conformance/internal/exitcode"
)

const goMod = `module example

go 1.26.0

require k8s.io/kubernetes v1.36.3 // indirect

require (
	k8s.io/api v0.36.3
	example.com/longer/k8s.io/api v0.1.0 // indirect
)

replace k8s.io/api => k8s.io/api v0.36.4

replace (
	istio.io/api => istio.io/api v1.31.0
)
`

func module(t *testing.T, files map[string]string) *Module {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Module{Dir: dir}
}

func TestRequirement(t *testing.T) {
	m := module(t, map[string]string{"go.mod": goMod})
	for path, want := range map[string]string{"k8s.io/kubernetes": "v1.36.3", "k8s.io/api": "v0.36.3"} {
		if got, err := m.Requirement(path); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", path, got, err, want)
		}
	}
	if got, err := m.Requirement("istio.io/api"); err == nil {
		t.Errorf("a module that is only replaced is required at %s", got)
	}
}

func TestReplacements(t *testing.T) {
	want := []string{"k8s.io/api => k8s.io/api v0.36.4", "istio.io/api => istio.io/api v1.31.0"}
	got, err := module(t, map[string]string{"go.mod": goMod}).Replacements()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

func TestModuleKeyCoversEveryPin(t *testing.T) {
	pins := map[string]string{"go.mod": "module a", "go.sum": "b h1:c"}
	key := func(m *Module, toolchain string) string {
		t.Helper()
		k, err := m.Key(toolchain)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	base := key(module(t, pins), "go1.26.1")
	if again := key(module(t, pins), "go1.26.1"); again != base {
		t.Error("the directory is part of the key")
	}
	stamped := module(t, pins)
	stamped.Stamps = []string{"p.version=1"}
	picked := module(t, pins)
	picked.Packages = []string{"p.version=1"}
	for what, other := range map[string]string{
		"packages":  key(picked, "go1.26.1"),
		"toolchain": key(module(t, pins), "go1.26.2"),
		"stamps":    key(stamped, "go1.26.1"),
		"go.mod":    key(module(t, map[string]string{"go.mod": "module b", "go.sum": "b h1:c"}), "go1.26.1"),
		"go.sum":    key(module(t, map[string]string{"go.mod": "module a", "go.sum": "b h1:d"}), "go1.26.1"),
	} {
		if other == base {
			t.Errorf("the key does not cover the %s", what)
		}
	}
	if key(stamped, "go1.26.1") == key(picked, "go1.26.1") {
		t.Error("a stamp and a package of one name have one key")
	}
	if _, err := module(t, map[string]string{"go.mod": "module a"}).Key("go1.26.1"); err == nil {
		t.Error("a module without go.sum, whose content nothing pins, has a key")
	}
}

func program(t *testing.T, files map[string]string) *Program {
	t.Helper()
	root := module(t, map[string]string{"go.mod": "module example\n\ngo 1.26\n"}).Dir
	dir := filepath.Join(root, "images", "own")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Program{Root: root, Dir: "images/own"}
}

func TestProgramKeyIgnoresTests(t *testing.T) {
	key := func(files map[string]string) string {
		t.Helper()
		k, err := program(t, files).Key("go1.26.1")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	base := key(map[string]string{"main.go": "package main"})
	if key(map[string]string{"main.go": "package main", "main_test.go": "package main"}) != base {
		t.Error("a test changes the key")
	}
	for _, other := range []map[string]string{
		{"main.go": "package main // changed"},
		{"other.go": "package main"},
		{"main.go": "package main", "index.html": "embedded"},
	} {
		if key(other) == base {
			t.Errorf("%v does not change the key", other)
		}
	}
}

func TestProgramMustNotImportMoreThanTheStandardLibrary(t *testing.T) {
	p := program(t, map[string]string{"main.go": "package main\n\nimport _ \"example/other\"\n\nfunc main() {}\n"})
	other := filepath.Join(p.Root, "other")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, "other.go"), []byte("package other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := p.Build(t.Context(), filepath.Join(t.TempDir(), "own"))
	if err == nil || !strings.Contains(err.Error(), "it needs example/other") {
		t.Errorf("got %v", err)
	}
}

func TestExplain(t *testing.T) {
	network := errors.New("go build: exit status 1:\n  k8s.io/api@v0.36.3: Get \"https://proxy/x.zip\": dial tcp: lookup proxy: no such host\n  more")
	err := explain("the Go modules of images/etcd", network)
	if exitcode.Of(err) != exitcode.Environment || strings.Contains(err.Error(), "\n") {
		t.Errorf("not one line with status %d: %q", exitcode.Environment, err)
	}
	if !strings.HasPrefix(err.Error(), "cannot fetch the Go modules of images/etcd: k8s.io/api@v0.36.3") {
		t.Errorf("got %q", err)
	}
	compile := errors.New("main.go:3: undefined: x")
	if err := explain("the Go modules of images/etcd", compile); !errors.Is(err, compile) {
		t.Errorf("a compiler's error got lost: %v", err)
	}
}
