package kernelprobe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const kubernetesSysctls = "https://kubernetes.io/docs/setup/production-environment/container-runtimes/"

// settings reads and judges the sysctls and limits of a machine.
type settings struct {
	root string
	uses Uses
	// kubernetes is the version that runs on the machine; empty if unknown.
	kubernetes string
	// bridged says that br_netfilter works.
	bridged bool
}

// judge returns a finding for each setting.
func (s *settings) judge() []Finding {
	return []Finding{s.forwarding(), s.bridgeCalls(), s.reversePath(), s.inotify(), s.conntrack(), s.openFiles(), s.cgroup()}
}

// forwarding: without it no packet leaves a pod.
func (s *settings) forwarding() Finding {
	f := Finding{Name: "ip-forward", Purpose: "packets from pod to pod", Parts: []Part{Node}, Source: "Kubernetes"}
	value, err := s.number("net/ipv4/ip_forward")
	switch {
	case err != nil:
		return cannotTell(f, err)
	case value == 1:
		return ok(f, "net.ipv4.ip_forward=1")
	case !s.isNode():
		f.Status, f.Reason = Warn, fmt.Sprintf("net.ipv4.ip_forward=%d, and no kubelet is set up here: a container engine turns it on when it starts, kubeadm wants it on", value)
		return f
	}
	return s.failed(f, fmt.Sprintf("net.ipv4.ip_forward=%d: the kernel drops packets from pod to pod", value),
		"[ERROR FileContent--proc-sys-net-ipv4-ip_forward]: contents are not set to 1",
		"sysctl -w net.ipv4.ip_forward=1, and the same in a file in /etc/sysctl.d", kubernetesSysctls)
}

// bridgeCalls: br_netfilter does its work only when this is on.
func (s *settings) bridgeCalls() Finding {
	f := Finding{Name: "bridge-nf-call-iptables", Purpose: "Service rules for traffic between pods on one bridge", Parts: []Part{Node}, Source: "Kubernetes"}
	value, err := s.number("net/bridge/bridge-nf-call-iptables")
	switch {
	case os.IsNotExist(err) && !s.bridged:
		f.Status, f.Reason = Blocked, "needs br_netfilter, which is not at work"
		return f
	case err != nil:
		return cannotTell(f, err)
	case value == 1:
		return ok(f, "net.bridge.bridge-nf-call-iptables=1")
	}
	return s.failed(f, fmt.Sprintf("net.bridge.bridge-nf-call-iptables=%d: traffic on a bridge passes no Service rules", value),
		"[ERROR FileContent--proc-sys-net-bridge-bridge-nf-call-iptables]: contents are not set to 1",
		"sysctl -w net.bridge.bridge-nf-call-iptables=1, and the same in a file in /etc/sysctl.d", kubernetesSysctls)
}

// reversePath is told, not judged: Istio's rules are known to work with 0, 1 and 2,
// but some network plugins ask for one of them.
func (s *settings) reversePath() Finding {
	f := Finding{Name: "rp-filter", Purpose: "which source addresses the kernel lets in", Parts: []Part{}, Source: "Linux"}
	value, err := s.number("net/ipv4/conf/all/rp_filter")
	if err != nil {
		return cannotTell(f, err)
	}
	return ok(f, fmt.Sprintf("net.ipv4.conf.all.rp_filter=%d", value))
}

// conntrack: a full table drops new connections. kube-proxy raises the limit where
// it may. Source: k8s.io/kubernetes cmd/kube-proxy, conntrack.min 131072.
func (s *settings) conntrack() Finding {
	const few = 32768
	f := Finding{Name: "conntrack-table", Purpose: "room for every connection of the node", Parts: []Part{Node}, Source: "Kubernetes"}
	limit, err := s.number("net/netfilter/nf_conntrack_max")
	if os.IsNotExist(err) {
		return ok(f, "nf_conntrack is not loaded yet: its limit is set when it is")
	}
	count, countErr := s.number("net/netfilter/nf_conntrack_count")
	if err := errors.Join(err, countErr); err != nil {
		return cannotTell(f, err)
	}
	switch {
	case count*20 > limit*19:
		return s.failed(f, fmt.Sprintf("%d of %d connections are in use: new ones are dropped when the table is full", count, limit),
			"nf_conntrack: table full, dropping packet", "sysctl -w net.netfilter.nf_conntrack_max=262144", kubernetesSysctls)
	case limit < few:
		f.Status, f.Reason = Warn, fmt.Sprintf("net.netfilter.nf_conntrack_max=%d, less than %d: kube-proxy raises it where it may", limit, few)
		return f
	}
	return ok(f, fmt.Sprintf("%d of %d connections are in use", count, limit))
}

// openFiles: Envoy holds a file for each connection.
func (s *settings) openFiles() Finding {
	const few = 65536
	f := Finding{Name: "open-files", Purpose: "a file for each connection of a proxy", Parts: []Part{Sidecar, Gateway}, Source: "Envoy"}
	raw, err := s.text("fs/file-nr")
	if err != nil {
		return cannotTell(f, err)
	}
	var used, unusedFiles, limit float64 // the limit may be 2^63-1
	if _, err := fmt.Sscan(raw, &used, &unusedFiles, &limit); err != nil {
		return cannotTell(f, fmt.Errorf("fs.file-nr %q: %w", raw, err))
	}
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err != nil {
		return cannotTell(f, err)
	}
	switch {
	case used > 0.95*limit:
		return s.failed(f, fmt.Sprintf("%.0f of %.0f files are open on this machine", used, limit),
			"socket: too many open files in system", "sysctl -w fs.file-max=1048576", "https://github.com/istio/istio/issues/35829")
	case own.Max < few:
		f.Status, f.Reason = Warn, fmt.Sprintf("a process may open %d files, less than %d: a busy gateway needs more (ulimit -Hn, LimitNOFILE of the container runtime)", own.Max, few)
		return f
	}
	return ok(f, fmt.Sprintf("%.0f files are open on this machine, a process may open %d", used, own.Max))
}

// isNode says whether a kubelet was set up on the machine. Before that some settings
// need not be what they will have to be.
func (s *settings) isNode() bool {
	_, err := os.Stat(filepath.Join(s.root, kubeletConfig))
	return err == nil
}

func (s *settings) text(name string) (string, error) {
	content, err := os.ReadFile(filepath.Join(s.root, "proc/sys", name))
	return strings.TrimSpace(string(content)), err
}

func (s *settings) number(name string) (int, error) {
	text, err := s.text(name)
	if err != nil {
		return 0, err
	}
	value, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("/proc/sys/%s: %w", name, err)
	}
	return value, nil
}

// failed makes a failure of a finding, or Unused when nothing in use needs it.
func (s *settings) failed(f Finding, reason, message, fix, link string) Finding {
	f.Status, f.Reason = Unused, reason
	for _, p := range f.Parts {
		if s.uses.has(p) {
			f.Status = Failed
		}
	}
	f.Diagnosis = &Diagnosis{Cause: reason + "; these break: " + titles(f.Parts), Message: message, Fix: fix, Link: link}
	return f
}

func ok(f Finding, reason string) Finding {
	f.Status, f.Reason = OK, reason
	return f
}

func cannotTell(f Finding, err error) Finding {
	f.Status, f.Reason = CannotTell, "cannot tell: "+oneLine(err.Error())
	return f
}
