package guest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"istio-conformance/internal/process/project"
)

// enable is the variable that make test-kernel sets: booting a machine is no unit
// test.
const enable = "ISTIO_CONFORMANCE_GUEST"

func TestEachMissingModule(t *testing.T) {
	if os.Getenv(enable) != "1" {
		t.Skip("boots an emulated machine: make test-kernel")
	}
	if err := Supported(); err != nil {
		t.Fatal(err)
	}
	root, err := project.Root()
	if err != nil {
		t.Fatal(err)
	}
	cache, err := project.CacheDir(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(root, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	results, err := Boot(t.Context(), Options{Root: root, Dir: out, CacheDir: cache, Logf: t.Logf})
	if err != nil {
		t.Error(err) // the table shows how far it came
	}
	cases := Cases()
	table := filepath.Join(out, "kernel-cases.md")
	if err := os.WriteFile(table, []byte(Table(cases, results)), 0o644); err != nil {
		t.Error(err)
	}
	t.Logf("%d cases in %s; the table is in %s", len(results), time.Since(started).Round(time.Second), table)
	for i := range results {
		t.Run(results[i].Case, func(t *testing.T) {
			if wrong := cases[i].Wrong(&results[i]); wrong != "" {
				t.Errorf("%s\n%v\n%s", wrong, results[i].Reason, results[i].Printed)
			}
		})
	}
}
