package e2e

import (
	"testing"

	"istio-conformance/internal/stack/options"
	"istio-conformance/suites"
	"istio-conformance/suites/load"
)

// extent is how much the options ask for.
func extent(o *options.Options) suites.Extent {
	return suites.Extent{Load: load.Mode(o.Load), Outages: o.Outage != options.NoOutages, AllOutages: o.Outage == options.AllOutages, Soak: o.Soak}
}

// The suites run in this order: what an earlier one proves, a later one relies on.

func TestKernel(t *testing.T)   { runSuite(t, "kernel") }
func TestInstall(t *testing.T)  { runSuite(t, "install") }
func TestExisting(t *testing.T) { runSuite(t, "existing") }
func TestAmbient(t *testing.T)  { runSuite(t, "ambient") }
func TestIngress(t *testing.T)  { runSuite(t, "ingress") }
func TestLoad(t *testing.T)     { runSuite(t, "load") }

// TestOutage takes away what Istio depends on, when -outage asks for it.
func TestOutage(t *testing.T) { runSuite(t, "outage") }

// TestSoak lets the mesh work for hours, when -hours or -minutes asks for it.
func TestSoak(t *testing.T) { runSuite(t, "soak") }

// TestUninstall comes last: it takes away what the others stand on.
func TestUninstall(t *testing.T) { runSuite(t, "uninstall") }

// TestMutation runs alone, when -mutate asks for it.
func TestMutation(t *testing.T) { runSuite(t, "mutation") }

// TestUpgrade runs alone, when -upgrade asks for it.
func TestUpgrade(t *testing.T) { runSuite(t, "upgrade") }

// TestDiagnosis breaks the system too, and asks what the catalogue of symptoms makes
// of it.
func TestDiagnosis(t *testing.T) { runSuite(t, "diagnosis") }

// TestExam plays public bug reports, when -exam asks for it.
func TestExam(t *testing.T) { runSuite(t, "exam") }

// TestGatewayAPI runs the Gateway API's own conformance suite, when -gateway-api asks for it.
func TestGatewayAPI(t *testing.T) { runSuite(t, "gateway-api") }

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
