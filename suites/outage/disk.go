package outage

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit/flow"
)

// diskFull is how long the gateway cannot write.
const diskFull = 15 * time.Second

// gatewayVolume is where a proxy's agent writes what Envoy starts with: a volume in memory.
// Source: the injection template of gateways, volume istio-envoy.
const gatewayVolume = "/var/lib/kubelet/pods/%s/volumes/kubernetes.io~empty-dir/istio-envoy"

var _ = resources.AddAt(2, gatewayDiskFull)

// gatewayDiskFull fills the volume into which the gateway's proxy writes.
func gatewayDiskFull(s *stack.Stack) check.Check {
	const link = "https://kubernetes.io/docs/concepts/storage/volumes/#emptydir"
	return check.Check{
		Name:    "gateway-disk-full",
		Promise: "while the gateway's proxy has no room to write no request fails, and new configuration reaches it",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "the gateway has no room to write")
			pod, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			dir := fmt.Sprintf(gatewayVolume, pod.UID)
			// The size of a volume in memory is half of the machine's: it is made small first.
			take := fmt.Sprintf(`set -eu
[ "$(stat -f -c %%T %[1]s)" = tmpfs ] || { echo '%[1]s is no volume in memory' >&2; exit 1; }
used=$(du -sk %[1]s | cut -f1)
mount -o remount,size=$((used + 256))k %[1]s
! dd if=/dev/zero of=%[1]s/full bs=4k 2>/dev/null
! echo more >%[1]s/more 2>/dev/null || [ ! -s %[1]s/more ]`, dir)
			give := fmt.Sprintf("if [ -d %[1]s ]; then rm -f %[1]s/full %[1]s/more; mount -o remount,size=50%% %[1]s; fi", dir)
			end := onNode(ctx, t, s, pod.Spec.NodeName, take, give)
			last(ctx, t, diskFull)
			r.configure(ctx, t)
			end(ctx)
			r.judge(ctx, t, flow.Nothing, "look at the gateway's pod, log and events in the evidence: does a probe write?", link)
		},
		Breaks: []check.Break{{
			Name: "gateway-lives-by-its-disk", Promise: "a gateway whose life depends on room to write is noticed",
			Make: func(ctx context.Context, t *check.T) {
				breakProxy(ctx, t, s, `"livenessProbe":{"exec":{"command":["sh","-c","head -c 65536 /dev/zero >/etc/istio/proxy/alive && rm /etc/istio/proxy/alive"]},"periodSeconds":2,"failureThreshold":2}`, `"livenessProbe":null`)
			},
			Says: "requests fail or wait while the gateway has no room to write",
		}},
	}
}
