package suites

import (
	"go/ast"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// TestEveryCheckThatAddsItselfIsInItsSuite counts what the source adds to kit.Checks, so
// that a feature without a row in its suite is noticed.
func TestEveryCheckThatAddsItselfIsInItsSuite(t *testing.T) {
	g := gomega.NewWithT(t)
	added, listed := map[string]int{}, map[string]int{}
	for path, file := range sources(g) {
		suite, _, _ := strings.Cut(filepath.ToSlash(path), "/")
		for _, d := range file.Decls {
			added[suite] += adds(d)
		}
	}
	for _, e := range Catalogue() {
		listed[e.Suite]++
	}
	all := 0
	for suite, n := range added {
		if n > 0 {
			g.Expect(listed[suite]).To(gomega.Equal(n), "checks of suite %s: each feature needs a row in suites/%s/suite.go", suite, suite)
		}
		all += n
	}
	g.Expect(all).To(gomega.BeNumerically(">", 100), "checks that add themselves")
}

// adds counts the checks that a declaration adds: var _ = Checks.Add(refused).
func adds(d ast.Decl) int {
	n := 0
	if general, is := d.(*ast.GenDecl); is {
		for _, spec := range general.Specs {
			value, is := spec.(*ast.ValueSpec)
			if !is || len(value.Values) != 1 {
				continue
			}
			if call, is := value.Values[0].(*ast.CallExpr); is {
				if f, is := call.Fun.(*ast.SelectorExpr); is && (f.Sel.Name == "Add" || f.Sel.Name == "AddAt") {
					n++
				}
			}
		}
	}
	return n
}
