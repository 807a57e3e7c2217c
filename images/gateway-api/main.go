// Command gateway-api runs the Gateway API's own conformance suite, with that suite's
// flags. It prints what go test would as its machine-readable log, and after that the
// suite's report. With -describe it prints what the suite holds, and asks no cluster.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"sigs.k8s.io/gateway-api/conformance"
)

// The log is read by suites/gatewayapi of this project: it knows the name of the one
// test below which the suite's own are, and the word before the report.
const (
	testName   = "GatewayAPI"
	reportWord = "conformance-report "
)

func main() {
	testing.Init()
	describe := flag.Bool("describe", false, "print the suite's tests, profiles and images as JSON, and end")
	flag.Parse()
	if *describe {
		if err := printDescription(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	if err := flag.Set("test.v", "test2json"); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	all := func(string, string) (bool, error) { return true, nil }
	testing.Main(all, []testing.InternalTest{{Name: testName, F: conform}}, nil, nil)
}

// conform runs the suite. Clean-ups run in the reverse order: the suite writes its
// report before it is read here.
func conform(t *testing.T) {
	options := conformance.DefaultOptions(t)
	t.Cleanup(func() {
		if options.ReportOutputPath == "" {
			return
		}
		report, err := os.ReadFile(options.ReportOutputPath)
		if err != nil {
			t.Errorf("read the suite's report: %v", err)
			return
		}
		fmt.Println(reportWord + strconv.Quote(string(report)))
	})
	conformance.RunConformanceWithOptions(t, options)
}
