package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// markerDir is the directory in a node whose mount points say that the node is
// ours, and from what it was made.
const markerDir = "/etc/istio-conformance/"

// revision is part of every fingerprint. Raise it when Create comes to do
// something else with the same configuration.
const revision = 2

// fingerprint identifies what a cluster is made from: its configuration without
// the host ports, which depend on what else runs, and the node image by its id,
// since a reference can be built again.
func fingerprint(cfg *v1alpha4.Cluster, imageID string) (string, error) {
	cfg = cfg.DeepCopy()
	for i := range cfg.Nodes {
		for j := range cfg.Nodes[i].ExtraPortMappings {
			cfg.Nodes[i].ExtraPortMappings[j].HostPort = 0
		}
	}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		return "", fmt.Errorf("encode the cluster configuration: %w", err)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%s\n%s", revision, imageID, encoded))
	return hex.EncodeToString(sum[:8]), nil
}

// withMarker returns a copy of cfg whose nodes carry the marker. kind sets no
// label of ours on a container, but a mount point is stored with it from the
// first moment on, lives exactly as long, and needs no file of ours: every
// host has /dev/null.
func withMarker(cfg *v1alpha4.Cluster, fingerprint string) *v1alpha4.Cluster {
	cfg = cfg.DeepCopy()
	for i := range cfg.Nodes {
		cfg.Nodes[i].ExtraMounts = append(cfg.Nodes[i].ExtraMounts, v1alpha4.Mount{
			HostPath:      "/dev/null",
			ContainerPath: markerDir + fingerprint,
			Readonly:      true,
		})
	}
	return cfg
}

// marker returns the fingerprint that a node was made with, and whether it is
// ours at all.
func (c *container) marker() (string, bool) {
	for _, mount := range c.Mounts {
		if fp, ok := strings.CutPrefix(mount.Destination, markerDir); ok {
			return fp, true
		}
	}
	return "", false
}
