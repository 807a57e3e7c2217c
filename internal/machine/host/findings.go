package host

import (
	"fmt"
	"strings"
)

// What the machine should have.
const (
	// ReleaseDisk is what official images and two nodes take in the engine.
	ReleaseDisk = 10 * GiB
	// MinMemory is what two nodes with Istio need beside the tests.
	MinMemory = 6 * GiB
	// minInotifyInstances and minInotifyWatches let systemd, the kubelet and the
	// container runtime of two nodes start: all nodes share the host's limits.
	minInotifyInstances = 256
	minInotifyWatches   = 65536
)

// inotifyFix raises the limits to what kind recommends.
// Source: kind, "Known Issues", pod errors due to "too many open files".
const inotifyFix = "run: sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512"

// Severity says how bad a finding is.
type Severity string

// The severities: OK explains, with Warning checks may fail for reasons that are
// not Istio's, with Error the run can not succeed.
const (
	OK      Severity = "ok"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Finding is something about the machine that the user should know.
type Finding struct {
	Severity Severity
	// Message says what was found, in one line.
	Message string
	// Fix says what to do; empty when there is nothing to do.
	Fix string
}

// String returns the finding in one line.
func (f Finding) String() string {
	if f.Fix == "" {
		return f.Message
	}
	return f.Message + ": " + f.Fix
}

// Needs is what a run asks of the machine.
type Needs struct {
	// Disk holds the directories that the run writes to. What two of them need
	// on one file system adds up.
	Disk []DiskNeed
	// Memory is what the machine should have.
	Memory Bytes
	// IPv6 says that the nodes have IPv6 addresses.
	IPv6 bool
}

// DiskNeed is the space that a run needs in a directory.
type DiskNeed struct {
	// Dir is one of the directories that the facts were gathered for.
	Dir string
	// Size is what will be written there at most.
	Size Bytes
	// Purpose says what it is for, such as "images built from modules".
	Purpose string
	// Change says how to choose another directory.
	Change string
}

// Findings compares the facts with what a run needs.
func Findings(f Facts, needs Needs) []Finding {
	findings := diskFindings(f, needs.Disk)
	findings = append(findings, memoryFindings(f, needs.Memory)...)
	findings = append(findings, inotifyFinding("instances", f.InotifyInstances, minInotifyInstances)...)
	findings = append(findings, inotifyFinding("watches", f.InotifyWatches, minInotifyWatches)...)
	findings = append(findings, ipv6Findings(f, needs.IPv6)...)
	findings = append(findings, cgroupFindings(f)...)
	return append(findings, capabilityFindings(f)...)
}

func memoryFindings(f Facts, need Bytes) []Finding {
	if f.Memory.Err != nil {
		return []Finding{{Warning, fmt.Sprintf("the machine's memory is unknown: %v", f.Memory.Err), ""}}
	}
	if f.Memory.Value < need {
		message := fmt.Sprintf("the machine has %s of memory, the nodes need %s", f.Memory, need)
		return []Finding{{Warning, message, "expect killed pods; use a bigger machine or fewer nodes in kind-config.yaml"}}
	}
	return nil
}

func inotifyFinding(what string, limit Fact[int], least int) []Finding {
	if limit.Err != nil {
		return []Finding{{Warning, fmt.Sprintf("the limit of inotify %s is unknown: %v", what, limit.Err), ""}}
	}
	if limit.Value < least {
		message := fmt.Sprintf("a user may have %d inotify %s, the nodes need %d", limit.Value, what, least)
		return []Finding{{Warning, message, inotifyFix}}
	}
	return nil
}

// cgroupFindings tells of a version of control groups that Kubernetes gives up.
// Source: KEP-5573; the kubelet refuses v1 by default since 1.35.
func cgroupFindings(f Facts) []Finding {
	if f.Cgroup.Err != nil {
		return []Finding{{Warning, fmt.Sprintf("the version of the control groups is unknown: %v", f.Cgroup.Err), ""}}
	}
	if f.CgroupV1() {
		return []Finding{{OK, fmt.Sprintf("control groups are %s: the kubelet of Kubernetes 1.35 and newer gets failCgroupV1: false", f.Cgroup), ""}}
	}
	return nil
}

func capabilityFindings(f Facts) []Finding {
	missing := f.MissingCapabilities
	if missing.Err != nil {
		return []Finding{{Warning, fmt.Sprintf("the capabilities of root are unknown: %v", missing.Err), ""}}
	}
	if len(missing.Value) > 0 && f.UID == 0 {
		return []Finding{{OK, "root lacks " + strings.Join(missing.Value, ", ") + ": a Docker engine that is started here runs privileged containers without", ""}}
	}
	return nil
}

// ipv6Findings refuses nodes with IPv6 addresses where the kernel has none.
func ipv6Findings(f Facts, need bool) []Finding {
	switch {
	case !need:
		return nil
	case f.IPv6.Err != nil:
		return []Finding{{Warning, fmt.Sprintf("whether this machine has IPv6 is unknown: %v", f.IPv6.Err), ""}}
	case !f.IPv6.Value:
		return []Finding{{Error, "networking.ipFamily of the cluster's configuration asks for IPv6, and this machine's kernel has none in any network namespace: there is no /proc/sys/net/ipv6",
			"boot without ipv6.disable=1, or choose ipFamily: ipv4"}}
	}
	return nil
}
