package e2e

import (
	"testing"
)

// The suites run in this order: what an earlier one proves, a later one relies on.

func TestKernel(t *testing.T)  { runSuite(t, "kernel") }
func TestInstall(t *testing.T) { runSuite(t, "install") }
func TestIngress(t *testing.T) { runSuite(t, "ingress") }
func TestLoad(t *testing.T)    { runSuite(t, "load") }

// TestMutation runs alone, when -mutate asks for it.
func TestMutation(t *testing.T) { runSuite(t, "mutation") }

// TestDiagnosis breaks the system too, and asks what the catalogue of symptoms makes
// of it.
func TestDiagnosis(t *testing.T) { runSuite(t, "diagnosis") }

func runSuite(t *testing.T, name string) {
	t.Helper()
	for _, suite := range planned {
		if suite.Name == name {
			runner.Suite(t, testenv, suite)
			return
		}
	}
	t.Skipf("no check of suite %s is selected", name)
}
