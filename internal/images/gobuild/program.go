package gobuild

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"istio-conformance/internal/command"
	"istio-conformance/internal/images/artifact"
)

// Program is a program of this project below images/. It imports nothing but
// the standard library, so that its own files are all it depends on.
type Program struct {
	// Root is the project's directory.
	Root string
	// Dir is the program's directory, relative to Root.
	Dir string
}

// Key identifies what Build makes with the given toolchain.
func (p *Program) Key(toolchain string) (string, error) {
	sources, err := readSources(filepath.Join(p.Root, p.Dir))
	if err != nil {
		return "", err
	}
	return artifact.Key(append(fixed(toolchain), sources...)...), nil
}

// Build compiles the program to the file out.
func (p *Program) Build(ctx context.Context, out string) error {
	list := command.Command{
		Args: []string{"go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./" + p.Dir},
		Dir:  p.Root,
		Env:  environment,
	}
	found, err := list.Output(ctx)
	if err != nil {
		return fmt.Errorf("list what %s imports: %w", p.Dir, err)
	}
	if foreign := strings.Fields(found); len(foreign) > 1 {
		return fmt.Errorf("%s must import the standard library only, because its own files are its key: it needs %s", p.Dir, strings.Join(foreign[:len(foreign)-1], ", "))
	}
	return build(ctx, p.Root, out, nil, "./"+p.Dir)
}
