package stack

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/desired"
)

func TestOverlay(t *testing.T) {
	g := gomega.NewWithT(t)
	user := map[string]any{
		"replicaCount": 3, "labels": map[string]any{"istio": "public"},
		"service": map[string]any{"ports": []any{
			map[string]any{"name": "web", "port": 80, "targetPort": 8080, "nodePort": 31000},
			map[string]any{"name": "tcp", "port": 31400},
		}},
	}
	ours := map[string]any{
		"replicaCount": 1.0,
		"service": map[string]any{"type": "NodePort", "ports": []any{
			map[string]any{"name": "http2", "port": 80.0, "targetPort": 80.0, "nodePort": 30080.0},
			map[string]any{"name": "https", "port": 443.0, "nodePort": 30443.0},
		}},
	}
	g.Expect(overlay(user, ours)).To(gomega.Equal(map[string]any{
		"replicaCount": 1.0, "labels": map[string]any{"istio": "public"},
		"service": map[string]any{"type": "NodePort", "ports": []any{
			map[string]any{"name": "web", "port": 80, "targetPort": 8080, "nodePort": 30080.0},
			map[string]any{"name": "tcp", "port": 31400},
			map[string]any{"name": "https", "port": 443.0, "nodePort": 30443.0},
		}},
	}))
	g.Expect(user["replicaCount"]).To(gomega.Equal(3), "the user's values stay as they were")
	var paths []string
	for _, d := range differences(user, ours) {
		paths = append(paths, d.path)
	}
	g.Expect(paths).To(gomega.Equal([]string{"replicaCount", "service.ports", "service.type"}))
	g.Expect(differences(map[string]any{"a": 1}, map[string]any{"a": 1.0})).To(gomega.BeEmpty(), "the same number")
}

// Every value that the harness lays over the user's has a reason, which the files of
// values have above it.
func TestEveryAddedValueHasAReason(t *testing.T) {
	g := gomega.NewWithT(t)
	s := New(Config{Profile: ProfileAmbient})
	s.missingFilters = []string{"istio_stats", "alpn", "metadata_exchange", "peer_metadata"}
	for _, chart := range desired.Charts {
		s.wanted = append(s.wanted, desired.Release{Chart: chart, Name: chart, Namespace: "n", Where: "mesh.yaml:1"})
	}
	notes, err := s.noteWanted(&images.Set{Hub: "h", Tag: "t", Ztunnel: "z/z:1"})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(notes).NotTo(gomega.BeEmpty())
	for _, note := range notes {
		_, reason, _ := strings.Cut(note, "is added")
		g.Expect(reason).To(gomega.HavePrefix(": "), note)
	}
}

func TestReadInstallation(t *testing.T) {
	g := gomega.NewWithT(t)
	s := New(Config{Installation: "../mesh/desired/testdata/list.yaml"})
	g.Expect(s.readInstallation()).To(gomega.Succeed())
	g.Expect([]string{s.config.Istio, s.config.Profile}).To(gomega.Equal([]string{"1.31.0", ProfileDefault}))
	s = New(Config{Installation: "../mesh/desired/testdata/list.yaml", Profile: ProfileCNI})
	g.Expect(s.readInstallation()).To(gomega.MatchError(gomega.HavePrefix("PROFILE=cni: the charts of INSTALLATION=")))
	s = New(Config{Installation: "../mesh/desired/testdata/flux"})
	g.Expect(s.readInstallation()).To(gomega.MatchError(gomega.ContainSubstring("no release of chart gateway in it")))
}

func TestGatewayReleaseIsThatOfTheGateway(t *testing.T) {
	g := gomega.NewWithT(t)
	s := New(Config{})
	s.Releases = []charts.Release{{Namespace: "a", Name: "public"}, {Namespace: "b", Name: "internal"}}
	s.Gateway = Gateway{Namespace: "a", Release: "public"}
	g.Expect(s.GatewayRelease()).To(gomega.BeIdenticalTo(&s.Releases[0]))
	s.Gateway.Release = "other"
	g.Expect(s.GatewayRelease().Name).To(gomega.BeEmpty())
}
