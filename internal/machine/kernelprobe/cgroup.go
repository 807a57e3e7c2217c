package kernelprobe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/exitcode"
)

// refusesV1 is the minor version of Kubernetes from which on the kubelet does not
// start on cgroup v1 unless it is told to. Source: KEP-5573.
const refusesV1 = 35

// kubeletConfig is where kubeadm puts the kubelet's configuration.
const kubeletConfig = "/var/lib/kubelet/config.yaml"

const cgroupLink = "https://kubernetes.io/docs/concepts/architecture/cgroups/"

// cgroup compares the version of the control groups with that of Kubernetes.
func (s *settings) cgroup() Finding {
	f := Finding{Name: "cgroup", Purpose: "limits of containers", Parts: []Part{Node}, Source: "Kubernetes"}
	layout := host.Gather(host.Options{Root: s.root}).Cgroup
	if layout.Err != nil {
		return cannotTell(f, layout.Err)
	}
	if layout.Value == host.CgroupV2 {
		return ok(f, "control groups are v2")
	}
	reason := fmt.Sprintf("control groups are %s, which the kubelet refuses from Kubernetes 1.%d on", layout.Value, refusesV1)
	allowed, err := s.allowsV1()
	switch {
	case err != nil:
		return cannotTell(f, err)
	case allowed:
		return ok(f, reason+", but here failCgroupV1: false lets it start")
	case s.kubernetes == "":
		f.Status, f.Reason = Warn, reason+", unless its configuration has failCgroupV1: false"
		return f
	case minor(s.kubernetes) < refusesV1:
		return ok(f, fmt.Sprintf("%s; this is Kubernetes %s", reason, s.kubernetes))
	}
	return s.failed(f, reason, "kubelet is configured to not run on a host using cgroup v1",
		"boot with systemd.unified_cgroup_hierarchy=1, or set failCgroupV1: false in the KubeletConfiguration", cgroupLink)
}

// allowsV1 says whether a kubelet of this machine is told to run on cgroup v1.
func (s *settings) allowsV1() (bool, error) {
	content, err := os.ReadFile(filepath.Join(s.root, kubeletConfig))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var config struct {
		FailCgroupV1 *bool `json:"failCgroupV1"`
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		return false, fmt.Errorf("%s: %w", kubeletConfig, err)
	}
	return config.FailCgroupV1 != nil && !*config.FailCgroupV1, nil
}

// checkVersion refuses what is no version of Kubernetes with exitcode.Usage.
func checkVersion(version string) error {
	if version == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	ok := len(parts) == 2 || len(parts) == 3
	for _, part := range parts {
		_, err := strconv.Atoi(part)
		ok = ok && err == nil
	}
	if !ok {
		return exitcode.Usagef("--kubernetes %s: want a version such as 1.36 or v1.36.3", version)
	}
	return nil
}

// minor returns the second number of a version such as v1.36.3, and 0 for
// anything else.
func minor(version string) int {
	parts := strings.Split(strings.TrimPrefix(version, "v"), ".")
	if len(parts) < 2 {
		return 0
	}
	n, err := strconv.Atoi(parts[1])
	if err != nil {
		return 0
	}
	return n
}
