package upgrade

import (
	"strings"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
)

// cause is what a failure of an upgrade means, by what it says.
type cause struct {
	words            []string // any of them
	cause, fix, link string
}

const upgradeLink = "https://istio.io/latest/docs/setup/upgrade/helm/"

// causes are in the order in which they are looked for: a change that failed
// explains the requests that were lost meanwhile.
var causes = []cause{
	{[]string{"could not be installed"}, "the version that the upgrade begins with does not come up: this says nothing about the upgrade",
		"make e2e with this version first, and look at its failures", upgradeLink},
	{[]string{"invalid ownership metadata"}, "objects that a chart installs are not owned by its release",
		"label and annotate them first: istio-conformance plan prints the commands (charts before 1.24 kept the CRDs outside of release istio-base)", upgradeLink},
	{[]string{"caBundle", "certificate signed by unknown authority", "failed calling webhook"}, "a webhook, or a certificate, of the control plane is not as it must be, as the message says",
		"compare its caBundle with ConfigMap istio-ca-root-cert, and the Service that it names with istiod's", "https://istio.io/latest/docs/ops/common-problems/injection/"},
	{[]string{"CRD "}, "the CRDs in the cluster are not what the chart of this version brings",
		"compare kubectl get crd with the chart; a stored version that is not served makes resources unreadable", upgradeLink},
	{[]string{"is still draining"}, "a pod of the old version does not end in its time",
		"look at terminationGracePeriodSeconds, preStop and terminationDrainDuration of the gateway", "https://istio.io/latest/docs/ops/best-practices/traffic-management/"},
	{[]string{"ahead of its control plane", "minor versions behind"}, "proxies and control plane are further apart than Istio supports",
		"change the control plane first on the way forward, and last on the way back", "https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew"},
	{[]string{"not ready after", "is not done"}, "what a chart of the new version deploys does not become ready",
		"look at the pods and events in the message and in the evidence", upgradeLink},
	{[]string{"is no measurement", "loss cannot be judged", "before anything was changed"}, "the traffic was not what it should have been, so that lost requests cannot be judged",
		"give the machine less other work, or choose a lower RATE", ""},
	{[]string{"requests failed"}, "requests were lost while Istio was changed: in the steps that the message names",
		"compare the step's end with the errors' class: a reset or a closed connection is a gateway pod that ends too early; 503 UC or UF a workload that does, or a server that closes idle connections sooner than Envoy", "https://istio.io/latest/docs/ops/best-practices/traffic-management/"},
}

// diagnose says what a verdict means that is not pass.
func diagnose(t *check.T, u *report.Upgrade) {
	said := strings.Join(u.Reasons, "\n")
	for _, c := range causes {
		for _, words := range c.words {
			if strings.Contains(said, words) {
				t.Diagnose(c.cause, c.fix, c.link)
				return
			}
		}
	}
}
