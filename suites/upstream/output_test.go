package upstream

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// sample is what the program of images/gateway-api writes, with | for the mark.
const sample = `|=== RUN   GatewayAPI
Supported features for GatewayClass istio: [Gateway]
    conformance.go:110: Running conformance tests with:
    suite.go:390: 2026-12-01T00:00:01.1Z: Test Setup: Applying base manifests
|=== RUN   GatewayAPI/HTTPRouteSimple
    conformance.go:90: 2026-12-01T00:00:02.1Z: Applying tests/httproute-simple.yaml
|=== RUN   GatewayAPI/HTTPRouteSimple/0_request_to_'/'_should_go_to_infra-backend-v1
    http.go:250: 2026-12-01T00:00:03.1Z: Response expectation failed for request: expected status code to be one of [200],
         got 404
    http.go:255: 
        	Error Trace:	/modules/http.go:255
        	            				/modules/simple.go:60
        	Error:      	Received unexpected error:
        	            	context deadline exceeded
        	Test:       	GatewayAPI/HTTPRouteSimple/0
        	Messages:   	error waiting for a consistent response
|--- FAIL: GatewayAPI/HTTPRouteSimple/0_request_to_'/'_should_go_to_infra-backend-v1 (30.10s)
|=== NAME  GatewayAPI/HTTPRouteSimple
    apply.go:230: 2026-12-01T00:00:33.1Z: Deleting gateway-conformance-infra-test HTTPRoute
|--- FAIL: GatewayAPI/HTTPRouteSimple (31.00s)
|=== RUN   GatewayAPI/GatewayModifyListeners
|=== PAUSE GatewayAPI/GatewayModifyListeners
|=== RUN   GatewayAPI/UDPRoute
    conformance.go:60: Skipping UDPRoute: suite does not support UDPRoute
|--- SKIP: GatewayAPI/UDPRoute (0.00s)
|=== CONT  GatewayAPI/GatewayModifyListeners
no end of line|--- PASS: GatewayAPI/GatewayModifyListeners (2.50s)
conformance-report "kind: ConformanceReport\nprofiles: []\n"
|--- FAIL: GatewayAPI (40.00s)
FAIL
`

func TestOutputSaysWhatBecameOfEachTest(t *testing.T) {
	g := gomega.NewWithT(t)
	o := newOutput()
	for line := range strings.Lines(strings.ReplaceAll(sample, "|", mark)) {
		before := o.began
		o.take(strings.TrimSuffix(line, "\n"))
		g.Expect(o.began && !before).To(gomega.Equal(strings.HasPrefix(line, mark+"=== RUN   GatewayAPI/HTTPRouteSimple\n")), line)
	}
	g.Expect(o.outcomes).To(gomega.HaveLen(3))
	failed := o.outcomes["HTTPRouteSimple"]
	g.Expect(failed.Status).To(gomega.Equal(failedTest))
	g.Expect(failed.Seconds).To(gomega.Equal(31.0))
	g.Expect(complaint(failed.Log)).To(gomega.Equal("error waiting for a consistent response: Received unexpected error: context deadline exceeded\n" +
		"before that it said: Response expectation failed for request: expected status code to be one of [200], got 404"))
	g.Expect(o.outcomes["GatewayModifyListeners"]).To(gomega.Equal(outcome{passedTest, 2.5, "no end of line\n"}))
	g.Expect(o.outcomes["UDPRoute"].Status).To(gomega.Equal(skippedTest))
	g.Expect(complaint(o.outcomes["UDPRoute"].Log)).To(gomega.ContainSubstring("suite does not support UDPRoute"))
	g.Expect(o.report).To(gomega.Equal("kind: ConformanceReport\nprofiles: []\n"))
	g.Expect(o.log("").String()).To(gomega.ContainSubstring("Applying base manifests"))
}

func TestComplaintWithoutAnAssertionIsTheLastThatWasSaid(t *testing.T) {
	const log = `    conformance.go:90: 2026-12-01T00:00:02.1Z: Applying tests/simple.yaml
    http.go:70: 2026-12-01T00:00:33.1Z: timeout while waiting after 26 attempts, 0/3 successes
    apply.go:230: 2026-12-01T00:00:33.2Z: Deleting simple HTTPRoute
`
	gomega.NewWithT(t).Expect(complaint(log)).To(gomega.Equal("timeout while waiting after 26 attempts, 0/3 successes"))
}

func TestAGatewayThatIstiodDidNotLookAtAgainIsNamed(t *testing.T) {
	g := gomega.NewWithT(t)
	const waiting = `    helpers.go:284: 2026-12-01T00:04:40Z: Programmed was not in conditions list [[{Programmed False 1 2026-12-01 00:00:32 +0000 UTC AddressNotAssigned Failed to assign to any requested addresses: no instances found for hostname "gw-istio.infra.svc.cluster.local"}]]
`
	g.Expect(unassigned(waiting + "    helpers.go:90: \n        \tError Trace:\t/x\n")).To(gomega.Equal(`no instances found for hostname "gw-istio.infra.svc.cluster.local"`))
	g.Expect(unassigned(waiting+strings.Repeat("    http.go:70: not ready yet\n", 200))).To(gomega.BeEmpty(), "it was Programmed later")
}
