// Package gobuild compiles the programs of the images, which the small pinned
// modules below images/ name, and the project's own programs.
package gobuild

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
)

// Module is a Go module below images/ that pins what is compiled.
type Module struct {
	// Dir is the module's directory.
	Dir string
	// Packages are the programs to compile, or Go files, relative to Dir, of which
	// each is one; none means all the module's tools.
	Packages []string
	// Names are what the one program is called by, as links beside it: it does what
	// its name says.
	Names []string
	// Stamps are the variables set at link time, "import/path.name=value".
	Stamps []string
}

// Toolchain returns the version of Go that compiles, and an error with status
// exitcode.Environment when there is none.
func Toolchain(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", exitcode.Environmentf("building images needs the Go toolchain, and there is no go command in PATH: install Go 1.26 or newer, or use IMAGES=release or an archive")
	}
	version, err := command.Output(ctx, "go", "env", "GOVERSION")
	return strings.TrimSpace(version), err
}

// Key identifies what Build makes with the given toolchain.
func (m *Module) Key(toolchain string) (string, error) {
	sources, err := readSources(m.Dir)
	if err != nil {
		return "", err
	}
	if !slices.Contains(sources, "go.sum") && !ownOnly(sources) {
		return "", fmt.Errorf("nothing pins what %s builds: it has no go.sum", m.Dir)
	}
	parts := append(fixed(toolchain), sources...)
	for _, file := range m.Packages {
		if strings.HasSuffix(file, ".go") {
			data, err := os.ReadFile(filepath.Join(m.Dir, file))
			if err != nil {
				return "", fmt.Errorf("read what is to be compiled: %w", err)
			}
			parts = append(parts, file, string(data))
		}
	}
	for _, list := range [][]string{{"packages"}, m.Packages, {"names"}, m.Names, {"stamps"}, m.Stamps} {
		parts = append(parts, list...)
	}
	return artifact.Key(parts...), nil
}

// fixed is what every key begins with.
func fixed(toolchain string) []string {
	return []string{toolchain, runtime.GOARCH, strings.Join(environment, " ")}
}

// ownOnly reports whether the module requires no other one. Its files are all that
// it is built from then, and it needs no go.sum.
func ownOnly(sources []string) bool {
	i := slices.Index(sources, "go.mod")
	return i >= 0 && !requirement.MatchString(sources[i+1])
}

// requirement matches the begin of what a module requires.
var requirement = regexp.MustCompile(`(?m)^(require|tool)\b`)

// readSources returns the names and contents of the files in dir, its tests
// left out.
func readSources(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read what is to be compiled: %w", err)
	}
	var sources []string
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read what is to be compiled: %w", err)
		}
		sources = append(sources, e.Name(), string(data))
	}
	return sources, nil
}

// Build compiles the module's programs into the directory out. The import path of
// each package that the compiler's cache lacks goes to compiling as its turn
// comes; compiling may be nil.
func (m *Module) Build(ctx context.Context, out string, compiling func(pkg string)) error {
	if err := compile(ctx, m.Dir, out+"/", m.Stamps, compiling, m.packages()...); err != nil {
		return err
	}
	for _, name := range m.Names {
		program := strings.TrimSuffix(filepath.Base(m.Packages[0]), ".go")
		if err := os.Symlink(program, filepath.Join(out, name)); err != nil {
			return fmt.Errorf("name a program: %w", err)
		}
	}
	return nil
}

// packages are the arguments that name the programs to the go command.
func (m *Module) packages() []string {
	if len(m.Packages) == 0 {
		return []string{"tool"}
	}
	return m.Packages
}

// Source returns the directory where the toolchain keeps the sources of one of
// the modules that the module requires; they are fetched when missing.
func (m *Module) Source(ctx context.Context, path string) (string, error) {
	return moduleDir(ctx, m.Dir, path)
}

// Requirement returns the version at which the module requires path.
func (m *Module) Requirement(path string) (string, error) {
	data, err := os.ReadFile(filepath.Join(m.Dir, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("read the pins: %w", err)
	}
	found := regexp.MustCompile(`(?m)^(?:require )?[ \t]*` + regexp.QuoteMeta(path) + ` (v\S+)`).FindSubmatch(data)
	if found == nil {
		return "", fmt.Errorf("%s/go.mod does not require %s", m.Dir, path)
	}
	return string(found[1]), nil
}

// replacement matches one replace directive, on a line of its own or in a block.
var replacement = regexp.MustCompile(`(?m)^(?:replace )?[ \t]*(\S.*=>.*\S)[ \t]*$`)

// Replacements returns the module's replace directives.
func (m *Module) Replacements() ([]string, error) {
	data, err := os.ReadFile(filepath.Join(m.Dir, "go.mod"))
	if err != nil {
		return nil, fmt.Errorf("read the pins: %w", err)
	}
	var found []string
	for _, match := range replacement.FindAllStringSubmatch(string(data), -1) {
		found = append(found, match[1])
	}
	return found, nil
}

// moduleDir asks for the sources of a module; "go list -m" alone does not
// fetch them.
func moduleDir(ctx context.Context, dir, path string) (string, error) {
	list := Go(dir, "mod", "download", path)
	if _, err := list.Output(ctx); err != nil {
		return "", explain(fmt.Sprintf("the Go module %s", path), err)
	}
	list.Args = []string{"go", "list", "-m", "-f", "{{.Dir}}", path}
	found, err := list.Output(ctx)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(found), nil
}
