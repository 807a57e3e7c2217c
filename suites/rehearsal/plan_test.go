package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/capture"
)

// captured is a mesh of one file.
func captured(t *testing.T, yaml string) *capture.Mesh {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "mesh.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := capture.FromFolder(dir)
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return m
}

// services are so many Services with a Deployment each.
func services(n int) string {
	var text strings.Builder
	text.WriteString("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: s0, namespace: shop}\nspec: {host: s0}\n---\n")
	for i := range n {
		fmt.Fprintf(&text, `apiVersion: v1
kind: Service
metadata: {name: s%[1]d, namespace: shop}
spec: {selector: {app: s%[1]d}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: s%[1]d, namespace: shop}
spec: {template: {metadata: {labels: {app: s%[1]d}}, spec: {containers: [{name: c, image: i}]}}}
---
`, i)
	}
	return text.String()
}

const route = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: shop}
spec: {hosts: [s0], http: [{delegate: {name: b}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b, namespace: shop}
spec: {http: [{delegate: {name: a}}]}
`

func TestWhatCannotBeRehearsedIsOneLine(t *testing.T) {
	delegate, _, _ := strings.Cut(route, "---")
	small, large := host.Facts{Memory: host.Fact[host.Bytes]{Value: 8 * host.GiB}}, host.Facts{Memory: host.Fact[host.Bytes]{Value: 64 * host.GiB}}
	for _, tt := range []struct {
		name, yaml string
		facts      host.Facts
		code       int
		says       string
	}{
		{"a circle of delegates", services(1) + route, large, exitcode.Usage, "VirtualServices go in a circle: VirtualService shop/a -> VirtualService shop/b -> VirtualService shop/a"},
		{"too large for the machine", services(100), small, exitcode.Environment, "the mesh has 100 kinds of pods: they need .* GiB of memory .*, and the machine has 8.0 GiB; --config compares"},
		{"too large for two nodes", services(300), large, exitcode.Environment, `the mesh has 300 kinds of pods, and two nodes take \d+ beside Istio: it would need .* of memory and 4 nodes; --config compares`},
		{"nothing to ask", delegate, large, exitcode.Usage, "no Service with pods"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			_, err := NewPlan(captured(t, tt.yaml), tt.facts)
			g.Expect(err).To(gomega.MatchError(gomega.MatchRegexp(tt.says)))
			g.Expect(err.Error()).NotTo(gomega.ContainSubstring("\n"))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(tt.code))
		})
	}
	_, err := NewPlan(captured(t, services(20)), small)
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
}
