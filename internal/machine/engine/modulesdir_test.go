package engine

import (
	"os"
	"path/filepath"
	"testing"

	"istio-conformance/internal/process/progress"
)

// The directory goes again when it was made here and is still empty.
func TestModulesDir(t *testing.T) {
	for name, c := range map[string]struct {
		before, fill, want bool
	}{"missing": {false, false, false}, "there before": {true, false, true}, "filled since": {false, true, true}} {
		l, dir := layoutOf(t.TempDir()), filepath.Join(t.TempDir(), "modules")
		if c.before {
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.makeModulesDir(dir, progress.Discard); err != nil {
			t.Fatal(err)
		}
		if c.fill {
			if err := os.Mkdir(filepath.Join(dir, "6.1"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := l.removeModulesDir(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := os.Stat(dir); (err == nil) != c.want {
			t.Errorf("%s: after all: %v", name, err)
		}
	}
}
