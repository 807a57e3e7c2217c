package diff

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

func TestAnImageThatMovedUnderItsNameIsNamed(t *testing.T) {
	g := gomega.NewWithT(t)
	before := report.Environment{Istio: "1.31.4", Digests: map[string]string{
		"docker.io/istio/pilot:1.31.4":    "index.docker.io/istio/pilot@sha256:a",
		"docker.io/istio/proxyv2:1.31.4":  "index.docker.io/istio/proxyv2@sha256:b",
		"docker.io/istio/old:1.31.3":      "index.docker.io/istio/old@sha256:c",
		"istio-conformance/backend:built": "sha256:d",
		"docker.io/istio/loaded:1.31.4":   "sha256:e",
	}}
	after := report.Environment{Istio: "1.31.4", Digests: map[string]string{
		"docker.io/istio/pilot:1.31.4":    "index.docker.io/istio/pilot@sha256:z",
		"docker.io/istio/proxyv2:1.31.4":  "index.docker.io/istio/proxyv2@sha256:b",
		"docker.io/istio/new:1.31.4":      "index.docker.io/istio/new@sha256:c",
		"istio-conformance/backend:built": "sha256:y",
		"docker.io/istio/loaded:1.31.4":   "index.docker.io/istio/loaded@sha256:e",
	}}
	g.Expect(environments(before, after)).To(gomega.Equal([]string{
		"image docker.io/istio/pilot:1.31.4 is another one under the same name: sha256:a -> sha256:z",
		"image istio-conformance/backend:built is another one under the same name: sha256:d -> sha256:y",
	}))
	g.Expect(environments(before, before)).To(gomega.BeEmpty())
}
