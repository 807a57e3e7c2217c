package modules

import (
	"context"
	"slices"
	"testing"
)

// Two parts may need one tool: its packages are named once.
func TestMissingNamesEachPackageOnce(t *testing.T) {
	absent := tool{present: func(context.Context) bool { return false }, packages: []string{"mmdebstrap", "debian-archive-keyring"}}
	there := tool{present: func(context.Context) bool { return true }, packages: []string{"python3-pip"}}
	if got, want := missing(t.Context(), []tool{absent, there, absent}), absent.packages; !slices.Equal(got, want) {
		t.Errorf("missing packages %q, want %q", got, want)
	}
}
