package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/rehearse/capture"
)

// TestAKnownMeshIsCapturedAsItWasSet sets a mesh in a real API server and captures it from
// there.
func TestAKnownMeshIsCapturedAsItWasSet(t *testing.T) {
	if os.Getenv(planesVariable) != "1" {
		t.Skipf("control planes are started with %s=1: make test-rehearse", planesVariable)
	}
	g := gomega.NewWithT(t)
	mesh := captured(t, "shop", "", "")
	from := side(t, "1.31.0", mesh)
	r := rehearsal(t, from, from)
	api, err := r.api(t.Context(), "from", &r.From)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer api.Stop()
	_, refused, err := r.set(t.Context(), api, &r.From)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(refused).To(gomega.BeEmpty())
	clients, err := cluster.NewClients(api.Config)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var archives [][]byte
	for range 2 {
		again, err := capture.FromCluster(t.Context(), clients, nil)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(again.Index.Kubernetes).To(gomega.HavePrefix("v1.36"))
		g.Expect(again.Index.Missing).To(gomega.ConsistOf("releases: no client of Helm"))
		for _, o := range mesh.Objects {
			if !o.Configures() {
				continue
			}
			found := func() *capture.Object {
				for _, other := range again.Of(o.Kind()) {
					if other.String() == o.String() && other.Group() == o.Group() {
						return other
					}
				}
				return nil
			}()
			g.Expect(found).NotTo(gomega.BeNil(), o.String())
			// The API server adds defaults to objects of the Gateway API.
			if o.Group() != "gateway.networking.k8s.io" {
				g.Expect(all(found.Fields("spec"))).To(gomega.MatchJSON(all(o.Fields("spec"))), o.String())
			}
		}
		g.Expect(again.Index.Objects["CustomResourceDefinition"]).To(gomega.BeNumerically(">", 15))
		g.Expect(again.Workloads).NotTo(gomega.BeEmpty())
		name := filepath.Join(t.TempDir(), "mesh.tar.gz")
		g.Expect(again.Write(name)).To(gomega.Succeed())
		_, err = capture.Read(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		content, err := os.ReadFile(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		archives = append(archives, content)
	}
	g.Expect(archives[0]).To(gomega.Equal(archives[1]), "the same mesh is the same archive")
}
