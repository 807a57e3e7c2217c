package artifact

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"istio-conformance/internal/process/progress"
)

func TestPrune(t *testing.T) {
	tests := map[string]struct {
		limits Limits
		inUse  []string
		want   []string
	}{
		"all fits":                 {Limits{Generations: 3, Bytes: 600}, nil, []string{"a-1", "a-2", "a-3", "b-1"}},
		"old generations go":       {Limits{Generations: 1, Bytes: 600}, nil, []string{"a-3", "b-1"}},
		"the oldest goes first":    {Limits{Generations: 3, Bytes: 300}, nil, []string{"a-2", "a-3", "b-1"}},
		"too large for any":        {Limits{Generations: 3, Bytes: 0}, nil, []string{}},
		"what is in use stays":     {Limits{Generations: 1, Bytes: 0}, []string{"a-1"}, []string{"a-1"}},
		"generation and then size": {Limits{Generations: 2, Bytes: 200}, nil, []string{"a-3", "b-1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			// In the order of their last use, 100 bytes each.
			for age, id := range []string{"a-1", "a-2", "b-1", "a-3"} {
				addArtifact(t, filepath.Join(dir, id), time.Now().Add(time.Duration(age-10)*time.Hour))
			}
			other := open(t, dir, progress.Discard)
			for _, id := range test.inUse {
				use(t, other, ID{Name: id[:1], Key: id[2:]})
				// Having just been used must not be what saves it.
				past := time.Now().Add(-99 * time.Hour)
				if err := os.Chtimes(filepath.Join(dir, id), past, past); err != nil {
					t.Fatal(err)
				}
			}
			if err := open(t, dir, progress.Discard).Prune(test.limits); err != nil {
				t.Fatal(err)
			}
			if got := visible(t, dir); !slices.Equal(got, test.want) {
				t.Errorf("kept %v, want %v", got, test.want)
			}
		})
	}
}

func TestUseIsNoted(t *testing.T) {
	dir := t.TempDir()
	long := time.Now().Add(-time.Hour)
	addArtifact(t, filepath.Join(dir, "a-1"), long)
	addArtifact(t, filepath.Join(dir, "a-2"), long.Add(time.Minute))
	s := open(t, dir, progress.Discard)
	use(t, s, ID{Name: "a", Key: "1"})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Prune(Limits{Generations: 1, Bytes: 1000}); err != nil {
		t.Fatal(err)
	}
	if got := visible(t, dir); !slices.Equal(got, []string{"a-1"}) {
		t.Errorf("kept %v, want the one used last", got)
	}
}

func addArtifact(t *testing.T, path string, used time.Time) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "file"), make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, used, used); err != nil {
		t.Fatal(err)
	}
}

func use(t *testing.T, s *Store, id ID) {
	t.Helper()
	_, err := s.Ensure(t.Context(), id, func(context.Context, string) error {
		t.Errorf("%s was built again", id)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func visible(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		if e.Name()[0] != '.' {
			names = append(names, e.Name())
		}
	}
	return names
}

// A source returns its set and forgets the Store: the garbage collector must not
// give up what the set's files stand under.
func TestWhatAForgottenStoreHasInUseStays(t *testing.T) {
	dir := t.TempDir()
	addArtifact(t, filepath.Join(dir, "a-1"), time.Now())
	func() {
		s, err := Open(dir, progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		use(t, s, ID{Name: "a", Key: "1"})
	}()
	for range 3 {
		runtime.GC() // finalizers run in a later cycle
		runtime.Gosched()
	}
	if err := open(t, dir, progress.Discard).Prune(Limits{}); err != nil {
		t.Fatal(err)
	}
	if got := visible(t, dir); !slices.Equal(got, []string{"a-1"}) {
		t.Errorf("kept %v, want the artifact in use", got)
	}
}
