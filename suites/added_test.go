package suites

import (
	"go/ast"
	"go/types"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// TestEveryCheckThatAddsItselfIsInItsSuite counts what the source adds to kit.Checks, so
// that a feature without a row in its suite is noticed.
func TestEveryCheckThatAddsItselfIsInItsSuite(t *testing.T) {
	g := gomega.NewWithT(t)
	count, listed := map[string]int{}, map[string]int{}
	for path, file := range sources(g) {
		suite, _, _ := strings.Cut(filepath.ToSlash(path), "/")
		for _, d := range file.Decls {
			count[suite] += len(adds(d))
		}
	}
	for _, e := range Catalogue() {
		listed[e.Suite]++
	}
	all := 0
	for suite, n := range count {
		if n > 0 {
			g.Expect(listed[suite]).To(gomega.Equal(n), "checks of suite %s: each feature needs a row in suites/%s/suite.go", suite, suite)
		}
		all += n
	}
	g.Expect(all).To(gomega.BeNumerically(">", 100), "checks that add themselves")
}

// TestChecksThatRunAloneHaveAPlaceEach holds that their order is nobody's guess.
func TestChecksThatRunAloneHaveAPlaceEach(t *testing.T) {
	g := gomega.NewWithT(t)
	alone, parallel := map[string][]string{}, parallelConstructors(sources(g))
	for path, file := range sources(g) {
		dir := filepath.Dir(path)
		for _, d := range file.Decls {
			for _, a := range adds(d) {
				if !parallel[dir+"."+a.constructor] {
					place := dir + ", " + a.registry + " at " + a.place
					alone[place] = append(alone[place], a.constructor)
				}
			}
		}
	}
	for place, constructors := range alone {
		g.Expect(constructors).To(gomega.HaveLen(1), "checks of %s that run alone: give each a place by AddAt", place)
	}
}

// parallelConstructors are the functions that say Parallel: true, by folder and name.
func parallelConstructors(files map[string]*ast.File) map[string]bool {
	found := map[string]bool{}
	for path, file := range files {
		for _, d := range file.Decls {
			f, is := d.(*ast.FuncDecl)
			if !is {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if pair, is := n.(*ast.KeyValueExpr); is {
					if key, is := pair.Key.(*ast.Ident); is && key.Name == "Parallel" {
						found[filepath.Dir(path)+"."+f.Name.Name] = true
					}
				}
				return true
			})
		}
	}
	return found
}

// added is a check that adds itself: var _ = registry.AddAt(place, constructor).
type added struct{ registry, place, constructor string }

// adds returns the checks that a declaration adds.
func adds(d ast.Decl) []added {
	general, is := d.(*ast.GenDecl)
	if !is {
		return nil
	}
	var all []added
	for _, spec := range general.Specs {
		value, is := spec.(*ast.ValueSpec)
		if !is || len(value.Values) != 1 {
			continue
		}
		call, is := value.Values[0].(*ast.CallExpr)
		if !is {
			continue
		}
		f, is := call.Fun.(*ast.SelectorExpr)
		if !is || f.Sel.Name != "Add" && f.Sel.Name != "AddAt" {
			continue
		}
		a := added{registry: types.ExprString(f.X), place: "0", constructor: types.ExprString(call.Args[len(call.Args)-1])}
		if f.Sel.Name == "AddAt" {
			a.place = types.ExprString(call.Args[0])
		}
		all = append(all, a)
	}
	return all
}
