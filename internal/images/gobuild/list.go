package gobuild

import (
	"context"
	"fmt"
	"strings"
)

// Package is one of the packages that programs consist of.
type Package struct {
	// Path is its import path.
	Path string
	// Program says that it is a program itself.
	Program bool
	// Stale says that the compiler's cache lacks it, so that it is going to be
	// compiled. Of a program the go command always says so: it may only be linked.
	Stale bool
	// Module is the module that it belongs to, path@version; empty for the
	// standard library.
	Module string
}

// listed is the form in which the go command lists packages.
const listed = `{{.ImportPath}}|{{.Name}}|{{.Stale}}|{{with .Module}}{{.Path}}@{{.Version}}{{end}}`

// List returns the packages that the module's programs consist of. Modules that
// are missing are fetched.
func (m *Module) List(ctx context.Context) ([]Package, error) {
	list := Go(m.Dir, append([]string{"list", "-deps", "-f", listed}, m.packages()...)...)
	text, err := list.Output(ctx)
	if err != nil {
		return nil, explain("the Go modules of "+m.Dir, err)
	}
	var packages []Package
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), "|")
		if len(fields) != 4 {
			return nil, fmt.Errorf("list what %s builds: the go command says %q", m.Dir, line)
		}
		packages = append(packages, Package{Path: fields[0], Program: fields[1] == "main", Stale: fields[2] == "true", Module: fields[3]})
	}
	return packages, nil
}
