package check

import (
	"fmt"
	"os"
	"testing"

	"sigs.k8s.io/e2e-framework/pkg/env"
	"sigs.k8s.io/e2e-framework/pkg/envconf"
)

// Play runs the suites in a test of their own, whose failure is not the
// caller's: only the runner's recorder learns of it. Tests that are running in
// parallel must not write to standard output meanwhile.
func (r *Runner) Play(suites ...Suite) error {
	// The testing package would print the inner failures as if they were the
	// binary's own, and tools that read its output would count them.
	devNull, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("play checks: %w", err)
	}
	stdout := os.Stdout
	os.Stdout = devNull
	defer func() { os.Stdout = stdout }()
	testenv := env.NewWithConfig(envconf.New())
	testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{
		Name: "played", F: func(t *testing.T) {
			for _, suite := range suites {
				r.Suite(t, testenv, suite)
			}
		},
	}})
	return devNull.Close()
}
