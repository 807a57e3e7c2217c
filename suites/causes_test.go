package suites

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// guess matches a cause that names what may be behind what a check saw: "it fails: this
// is missing, or that does not answer". One of them is false whenever the other is true.
var guess = regexp.MustCompile(`: .*\b(or|because|maybe|probably)\b`)

// sources are the parsed files of all suites, by their paths; tests are left out.
func sources(g *gomega.WithT) map[string]*ast.File {
	files := map[string]*ast.File{}
	g.Expect(filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		return err
	})).To(gomega.Succeed())
	return files
}

// TestNoCauseIsAGuess reads the fixed causes of all checks.
func TestNoCauseIsAGuess(t *testing.T) {
	g := gomega.NewWithT(t)
	causes := 0
	for path, file := range sources(g) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, is := n.(*ast.CallExpr)
			if !is || len(call.Args) != 3 {
				return true
			}
			if f, is := call.Fun.(*ast.SelectorExpr); !is || f.Sel.Name != "Diagnose" {
				return true
			}
			ast.Inspect(call.Args[0], func(n ast.Node) bool {
				if literal, is := n.(*ast.BasicLit); is && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					g.Expect(err).NotTo(gomega.HaveOccurred())
					g.Expect(text).NotTo(gomega.MatchRegexp(guess.String()), path)
					causes++
				}
				return true
			})
			return true
		})
	}
	g.Expect(causes).To(gomega.BeNumerically(">", 200), "causes that were read")
}
