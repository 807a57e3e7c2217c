package gobuild

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
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
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
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
	unpinned := map[string]string{"go.mod": "module a\n\nrequire example.com/b v1.0.0\n"}
	if _, err := module(t, unpinned).Key("go1.26.1"); err == nil {
		t.Error("a module that requires another and has no go.sum, so that nothing pins its content, has a key")
	}
}

func TestModuleKeyIgnoresTests(t *testing.T) {
	key := func(files map[string]string) string {
		t.Helper()
		k, err := module(t, files).Key("go1.26.1")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	const mod = "module a\n\ngo 1.26\n"
	base := key(map[string]string{"go.mod": mod, "main.go": "package main"})
	if key(map[string]string{"go.mod": mod, "main.go": "package main", "main_test.go": "package main"}) != base {
		t.Error("a test changes the key")
	}
	for _, other := range []map[string]string{
		{"go.mod": mod, "main.go": "package main // changed"},
		{"go.mod": mod, "other.go": "package main"},
		{"go.mod": mod, "main.go": "package main", "index.html": "embedded"},
	} {
		if key(other) == base {
			t.Errorf("%v does not change the key", other)
		}
	}
}

func TestBuildNamesWhatItCompiles(t *testing.T) {
	// No cache has this one: its directory is another at each run.
	unique := strconv.Quote(t.TempDir())
	m := module(t, map[string]string{
		"go.mod":         "module example/own\n\ngo 1.26\n",
		"main.go":        "package main\n\nimport \"example/own/inner\"\n\nfunc main() { println(inner.Unique) }\n",
		"inner/inner.go": "package inner\n\nvar Unique = " + unique + "\n",
	})
	m.Packages = []string{"."}
	inner := Package{Path: "example/own/inner", Stale: true, Module: "example/own@"}
	own := Package{Path: "example/own", Program: true, Stale: true, Module: "example/own@"}
	packages := listed(t, m)
	if !slices.Contains(packages, inner) || packages[len(packages)-1] != own {
		t.Errorf("listed %+v, want %+v and last %+v", packages, inner, own)
	}
	var compiled []string
	out := t.TempDir()
	if err := m.Build(t.Context(), out, func(pkg string) { compiled = append(compiled, pkg) }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, "own")); err != nil {
		t.Error(err)
	}
	if n := len(compiled); n < 2 || !slices.Equal(compiled[n-2:], []string{inner.Path, own.Path}) {
		t.Errorf("compiled %v, want %s and %s last", compiled, inner.Path, own.Path)
	}
	inner.Stale = false
	if packages = listed(t, m); !slices.Contains(packages, inner) {
		t.Errorf("after all was compiled it lists %+v, want %+v", packages, inner)
	}
}

// listed lists the packages and takes their costs away.
func listed(t *testing.T, m *Module) []Package {
	t.Helper()
	packages, err := m.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range packages {
		if packages[i].Cost <= 0 && packages[i].Path != "unsafe" {
			t.Errorf("%s costs %v s", packages[i].Path, packages[i].Cost)
		}
		packages[i].Cost = 0
	}
	return packages
}

func TestOneProgramOfManyNames(t *testing.T) {
	m := module(t, map[string]string{"go.mod": "module example/own\n\ngo 1.26\n"})
	file := filepath.Join(filepath.Dir(m.Dir), "all.go")
	source := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte("//go:build ignore\n\npackage main\n\nfunc main() {"+text+"}\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	source("")
	m.Packages, m.Names = []string{"../all.go"}, []string{"one", "two"}
	key, err := m.Key("go1.26.1")
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := m.Build(t.Context(), out, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range m.Names {
		if target, err := os.Readlink(filepath.Join(out, name)); err != nil || target != "all" {
			t.Errorf("%s leads to %q, want the program beside it: %v", name, target, err)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "all")); err != nil {
		t.Error(err)
	}
	source("println()")
	if other, err := m.Key("go1.26.1"); err != nil || other == key {
		t.Errorf("the key does not cover the program's file: %v", err)
	}
	source("")
	m.Names = m.Names[:1]
	if other, err := m.Key("go1.26.1"); err != nil || other == key {
		t.Errorf("the key does not cover the names: %v", err)
	}
}

func TestAFailedBuildSaysWhy(t *testing.T) {
	m := module(t, map[string]string{"go.mod": "module example/own\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { missing() }\n"})
	m.Packages = []string{"."}
	err := m.Build(t.Context(), t.TempDir(), func(string) {})
	if err == nil || !strings.Contains(err.Error(), "undefined: missing") {
		t.Errorf("got %v", err)
	}
}

func TestTheMakefileCompilesWithTheSameFlags(t *testing.T) {
	text, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "export GOFLAGS += "+Flags+"\n") {
		t.Errorf("the Makefile's GOFLAGS are not %q: packages that the harness and the images share would be compiled twice", Flags)
	}
}

func TestCollector(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		memory     uint64
		processors int
		want       []string
	}{
		{24 * gib, 2, []string{"GOGC=off", "GOMEMLIMIT=4294967296"}},
		{8 * gib, 4, []string{"GOGC=off", "GOMEMLIMIT=1073741824"}},
		{4*gib - 1, 2, nil},
		{0, 2, nil},
	} {
		if got := collector(test.memory, test.processors); !slices.Equal(got, test.want) {
			t.Errorf("%d bytes, %d processors: got %v, want %v", test.memory, test.processors, got, test.want)
		}
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
