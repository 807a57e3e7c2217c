package cluster

import (
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"istio-conformance/internal/process/exitcode"
)

// HostNeeds is what a machine and a node image ask for on top of a plain kind
// configuration.
type HostNeeds struct {
	// Kubernetes is the full version of the node image, such as "v1.36.3".
	Kubernetes string
	// CgroupV1 says that the machine runs cgroup v1 or hybrid.
	CgroupV1 bool
	// RestrictOOM says that CAP_SYS_RESOURCE is missing, so that no process may
	// lower its own oom_score_adj.
	RestrictOOM bool
	// NodeCNI says that the node image brings kindnet, kind's own network.
	NodeCNI bool
}

// failCgroupV1Default is the first Kubernetes version whose kubelet refuses to
// start on cgroup v1 unless it is told otherwise. The field is set only from
// there on: before 1.31 a kubelet does not know it.
// Source: KEP-5573 and the KubeletConfiguration reference, failCgroupV1.
var failCgroupV1Default = semver.MustParse("1.35.0-0")

// Adapt returns a copy of cfg with what needs asks for, and one line for each
// addition that says why it was made. cfg itself is not changed.
func Adapt(cfg *v1alpha4.Cluster, needs HostNeeds) (*v1alpha4.Cluster, []string, error) {
	version, err := semver.NewVersion(needs.Kubernetes)
	if err != nil {
		return nil, nil, exitcode.Usagef("Kubernetes version %q: %w; want a full version such as v1.36.3", needs.Kubernetes, err)
	}
	cfg = cfg.DeepCopy()
	var notes []string
	if needs.CgroupV1 && !version.LessThan(failCgroupV1Default) {
		cfg.KubeadmConfigPatches = append(cfg.KubeadmConfigPatches, "kind: KubeletConfiguration\nfailCgroupV1: false\n")
		notes = append(notes, fmt.Sprintf("kubelet runs with failCgroupV1: false: this machine has cgroup v1, which Kubernetes %s refuses by default", needs.Kubernetes))
	}
	if needs.RestrictOOM {
		cfg.ContainerdConfigPatches = append(cfg.ContainerdConfigPatches, restrictOOMPatches()...)
		notes = append(notes, "containerd runs with restrict_oom_score_adj: without CAP_SYS_RESOURCE no pod sandbox could lower its oom_score_adj and start")
	}
	if !needs.NodeCNI && !cfg.Networking.DisableDefaultCNI {
		cfg.Networking.DisableDefaultCNI = true
		notes = append(notes, fmt.Sprintf("disableDefaultCNI: the node image has no kindnet, so the harness writes a CNI configuration (ptp, %s) into each node", familyNames(cfg.Networking)))
	}
	return cfg, notes, nil
}

// restrictOOMPatches returns one patch for each version of containerd's
// configuration. kind applies a patch with a version only to a configuration of
// the same version: its node images say 2 up to kind v0.33, and the CRI plugin
// has another name since version 3.
func restrictOOMPatches() []string {
	plugins := map[int]string{
		2: "io.containerd.grpc.v1.cri",
		3: "io.containerd.cri.v1.runtime",
		4: "io.containerd.cri.v1.runtime",
	}
	patches := make([]string, 0, len(plugins))
	for version, plugin := range plugins {
		patches = append(patches, fmt.Sprintf("version = %d\n[plugins.%q]\n  restrict_oom_score_adj = true\n", version, plugin))
	}
	slices.Sort(patches)
	return patches
}
