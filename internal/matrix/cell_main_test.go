package matrix

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
)

// The test binary plays the binary of a cell when this is set: to what each cell
// shall become, such as "1.31.0@v1.36.3=fail,...".
const playVariable = "MATRIX_TEST_CELLS"

func TestMain(m *testing.M) {
	if plays := os.Getenv(playVariable); plays != "" {
		os.Exit(playCell(plays))
	}
	os.Exit(m.Run())
}

// playCell does what the test binary of a cell would: it writes a report and
// ends with its status.
func playCell(plays string) int {
	istio, kubernetes := os.Getenv("ISTIO"), os.Getenv("KUBERNETES")
	r := report.Report{Schema: report.Schema, Run: "r", Verdict: report.VerdictPass, Started: time.Now(), Finished: time.Now().Add(7 * time.Second)}
	r.Environment.Istio, r.Environment.Kubernetes = istio, kubernetes
	test := report.Test{Suite: "install", Name: "crds", Status: report.Pass}
	status := exitcode.Pass
	for play := range strings.SplitSeq(plays, ",") {
		cell, what, _ := strings.Cut(play, "=")
		if cell != istio+"@"+kubernetes {
			continue
		}
		switch what {
		case "fail":
			r.Verdict, test.Status, status = report.VerdictFail, report.Fail, exitcode.Fail
		case "flaky":
			test.Status = report.Flaky
		case "unjudged", "required":
			r.Load = []report.Load{{Name: "gateway-vs-direct", Verdict: report.VerdictInvalid, Reasons: []string{"steal"}}}
			r.Unjudged = []report.Unjudged{{Measurement: "load/gateway-vs-direct", Verdict: report.VerdictInvalid, Reason: "steal"}}
			if what == "required" {
				r.Verdict, r.Required, status = report.VerdictInvalid, []string{report.Latency}, exitcode.Invalid
			}
		case "lies":
			status = exitcode.Fail
		case "dies":
			return exitcode.Environment
		case "brings": // a node image of another version, which the report says
			r.Environment.Kubernetes, r.Environment.KubernetesAsked = "v1.36.1", kubernetes
		case "strays":
			r.Environment.Kubernetes = "v1.36.1"
		case "refuses":
			return exitcode.Usage
		case "waits":
			interrupted := make(chan os.Signal, 1)
			signal.Notify(interrupted, os.Interrupt)
			_ = os.WriteFile(filepath.Join(os.Getenv("OUT"), "waiting"), nil, 0o644) // the test looks for it
			<-interrupted
			return exitcode.Environment
		}
	}
	r.Tests = []report.Test{test}
	dir := filepath.Join(os.Getenv("OUT"), "r")
	content, err := json.Marshal(r)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "report.json"), content, 0o644)
	}
	if err != nil {
		fmt.Println(err)
		return exitcode.Environment
	}
	return status
}
