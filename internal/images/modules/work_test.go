package modules

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/gobuild"
)

// packages are stale ones of a cost of 10 seconds each.
func packages(paths ...string) []gobuild.Package {
	var all []gobuild.Package
	for _, path := range paths {
		all = append(all, gobuild.Package{Path: path, Stale: true, Cost: 10})
	}
	return all
}

func compiled(name string, seconds float64) part {
	return part{id: artifact.ID{Name: name, Key: "k"}, module: &gobuild.Module{}, seconds: seconds}
}

// about asserts what is left besides the assembly, in seconds.
func about(t *testing.T, w *work, want float64, why string) {
	t.Helper()
	if got := w.left() - assembling; got < want-1 || got > want+1 {
		t.Errorf("%.0f s are left, want %.0f: %s", got, want, why)
	}
}

func TestWorkEstimatesByMeasuredSpeed(t *testing.T) {
	now := time.Unix(0, 0)
	w := newWork([]part{compiled("a", 400), compiled("b", 100)}, 2, func() time.Time { return now })
	about(t, w, 250, "two processors of the reference machine")
	fresh := packages("x", "y", "z", "shared")
	w.list("a", append(fresh, gobuild.Package{Path: "cached", Cost: 10}))
	w.list("b", packages("shared", "own"))
	about(t, w, 25, "five packages are listed, one of them by both")
	w.begin("a")
	w.compiling("a", "x")
	now = now.Add(20 * time.Second)
	w.compiling("a", "y")
	about(t, w, 20, "20 s for two packages where the reference machine takes 10 s for them: 1.5 of two counted so far")
	if got := w.gauge(0); !strings.Contains(got, "2/5 packages") || !strings.HasSuffix(got, "left  a") {
		t.Errorf("the gauge says %q", got)
	}
	w.end("a")
	about(t, w, 6.7, "what a did not compile was no work")
	if got := w.gauge(0); !strings.Contains(got, "2/3 packages") {
		t.Errorf("the gauge says %q", got)
	}
	w.compiling("b", "own")
	w.end("b")
	about(t, w, 0, "all is made")
}

func TestGaugeFitsItsWidth(t *testing.T) {
	now := time.Unix(0, 0)
	fetched := part{id: artifact.ID{Name: "debian-node", Key: "k"}, megabytes: 240}
	w := newWork([]part{compiled("kubernetes-1.36", 1), fetched}, 2, func() time.Time { return now })
	w.list("kubernetes-1.36", packages("x", "y"))
	w.begin("kubernetes-1.36")
	w.begin("debian-node", t.TempDir())
	w.compiling("kubernetes-1.36", "x")
	for width, want := range map[int]string{
		0:   "1/2 packages  0/240 MB  about 1m00s left  debian-node, kubernetes-1.36",
		100: "[#############-------------]  1/2 packages  0/240 MB  about 1m00s left  debian-node, kubernetes-1.36",
		60:  "[########--------]  1/2 packages  0/240 MB  about 1m00s left",
		45:  "1/2 packages  0/240 MB  about 1m00s left",
		10:  "1/2 package",
	} {
		got := w.gauge(width)
		if width > 0 && utf8.RuneCountInString(got) > width {
			t.Errorf("%d columns in place of %d: %q", utf8.RuneCountInString(got), width, got)
		}
		if got != want && width != 10 {
			t.Errorf("%d columns:\ngot  %q\nwant %q", width, got, want)
		}
	}
}
