package wrongorder

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
)

// autoImage is what the gateway chart has in place of an image, for istiod's
// injector to replace.
const autoImage = "auto"

// Last: it begins without CRDs.
var _ = Checks.AddAt(3, gatewayBeforeIstiod)

// gatewayBeforeIstiod installs the gateway while nobody can inject its proxy.
func gatewayBeforeIstiod(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "gateway-before-istiod",
		Promise: "a gateway without istiod never starts: its pod asks for an image named auto, and says so",
		Timeout: 4 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			gateway := planned(t, s, "gateway")
			gateway.Name, gateway.NoWait = "early-gateway", true
			// The node ports are those of the gateway that comes back.
			gateway.Values = charts.Values(gateway.Values, map[string]any{"service": map[string]any{"type": "ClusterIP", "ports": []any{
				map[string]any{"name": "http2", "port": 80, "targetPort": 80},
			}}})
			undo(ctx, t, s, gateway)
			_, err := s.Helm.Install(ctx, gateway)
			t.Expect(err).NotTo(gomega.HaveOccurred(), "Helm itself has nothing against it")
			t.Diagnose("a gateway starts although there is no istiod",
				"kubectl get mutatingwebhookconfigurations: after an uninstall none of Istio's may be left", "https://istio.io/latest/docs/setup/additional-setup/gateway/")
			t.Eventually(ctx, func() (string, error) { return whyNotStarted(ctx, s, gateway) }).WithTimeout(2*time.Minute).
				Should(gomega.MatchRegexp(`image auto: (ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull)`), "state of the gateway's pod\n%s", s.DescribePods(ctx, gateway.Namespace))
			reason, err := whyNotStarted(ctx, s, gateway)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Observe("%s", reason)
		},
	}
}

// whyNotStarted says what the gateway's pod waits for.
func whyNotStarted(ctx context.Context, s *stack.Stack, gateway charts.Release) (string, error) {
	pods, err := s.Pods(ctx, gateway.Namespace, "app="+gateway.Name)
	if err != nil {
		return "", fmt.Errorf("release %s: %w", gateway, err)
	}
	if len(pods) == 0 {
		return "no pod yet", nil
	}
	var lines []string
	for _, c := range pods[0].Spec.Containers {
		image := c.Image
		if image != autoImage {
			// An image that was given stays: there is nothing to wait for.
			return "", gomega.StopTrying(fmt.Sprintf("container %s was given the image %s", c.Name, image))
		}
	}
	for _, c := range pods[0].Status.ContainerStatuses {
		if c.State.Waiting != nil {
			lines = append(lines, fmt.Sprintf("container %s, image %s: %s", c.Name, autoImage, c.State.Waiting.Reason))
		}
	}
	return strings.Join(lines, "; "), nil
}
