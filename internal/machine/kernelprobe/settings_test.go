package kernelprobe

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

// node are the settings of a node on which all is well.
var node = map[string]string{
	"proc/sys/net/ipv4/ip_forward": "1\n", "proc/sys/net/bridge/bridge-nf-call-iptables": "1\n", "proc/sys/net/ipv4/conf/all/rp_filter": "2\n",
	"proc/sys/fs/inotify/max_user_instances": "512\n", "proc/sys/fs/inotify/max_user_watches": "524288\n", "proc/sys/fs/file-nr": "2080\t0\t9223372036854775807\n",
	"proc/sys/net/netfilter/nf_conntrack_max": "262144\n", "proc/sys/net/netfilter/nf_conntrack_count": "10\n",
	"proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
}

const cgroupV1 = "30 23 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"

func TestSettings(t *testing.T) {
	for _, c := range []struct {
		name       string
		files      map[string]string // "-" takes a file away
		kubernetes string
		bridged    bool
		finding    string
		status     Status
		reason     string
	}{
		{"forwarding", nil, "", true, "ip-forward", OK, "=1"},
		{"no forwarding on a node", map[string]string{"proc/sys/net/ipv4/ip_forward": "0", "var/lib/kubelet/config.yaml": ""}, "", true, "ip-forward", Failed, "drops packets from pod to pod"},
		{"no forwarding on what is no node yet", map[string]string{"proc/sys/net/ipv4/ip_forward": "0"}, "", true, "ip-forward", Warn, "no kubelet is set up here"},
		{"no proc", map[string]string{"proc/sys/net/ipv4/ip_forward": "-"}, "", true, "ip-forward", CannotTell, "no such file"},
		{"bridged packets pass no rules", map[string]string{"proc/sys/net/bridge/bridge-nf-call-iptables": "0"}, "", true, "bridge-nf-call-iptables", Failed, "=0"},
		{"no br_netfilter", map[string]string{"proc/sys/net/bridge/bridge-nf-call-iptables": "-"}, "", false, "bridge-nf-call-iptables", Blocked, "needs br_netfilter"},
		{"room for connections", nil, "", true, "conntrack-table", OK, "10 of 262144"},
		{"full table", map[string]string{"proc/sys/net/netfilter/nf_conntrack_count": "262000"}, "", true, "conntrack-table", Failed, "new ones are dropped"},
		{"small table", map[string]string{"proc/sys/net/netfilter/nf_conntrack_max": "8192"}, "", true, "conntrack-table", Warn, "less than 32768"},
		{"no conntrack yet", map[string]string{"proc/sys/net/netfilter/nf_conntrack_max": "-"}, "", true, "conntrack-table", OK, "not loaded yet"},
		{"files", map[string]string{"proc/sys/fs/file-nr": "990 0 1000"}, "", true, "open-files", Failed, "990 of 1000"},
		{"strange files", map[string]string{"proc/sys/fs/file-nr": "many"}, "", true, "open-files", CannotTell, "many"},
		{"inotify", nil, "", true, "inotify", OK, "0 of 512 instances"},
		{"few instances", map[string]string{"proc/sys/fs/inotify/max_user_instances": "4"}, "", true, "inotify", Failed, "0 of 4 instances"},
		{"hardly enough instances", map[string]string{"proc/sys/fs/inotify/max_user_instances": "40"}, "", true, "inotify", Warn, "a few more"},
		{"few watches", map[string]string{"proc/sys/fs/inotify/max_user_watches": "100"}, "", true, "inotify", Failed, "of 100 watches"},
		{"cgroup v2", nil, "1.36", true, "cgroup", OK, "v2"},
		{"cgroup v1, version unknown", map[string]string{"proc/self/mountinfo": cgroupV1}, "", true, "cgroup", Warn, "failCgroupV1"},
		{"cgroup v1, old Kubernetes", map[string]string{"proc/self/mountinfo": cgroupV1}, "v1.34.4", true, "cgroup", OK, "v1.34.4"},
		{"cgroup v1, new Kubernetes", map[string]string{"proc/self/mountinfo": cgroupV1}, "1.36", true, "cgroup", Failed, "refuses from Kubernetes 1.35 on"},
		{
			"cgroup v1, allowed",
			map[string]string{"proc/self/mountinfo": cgroupV1, "var/lib/kubelet/config.yaml": "kind: KubeletConfiguration\nfailCgroupV1: false\n"},
			"1.36", true, "cgroup", OK, "failCgroupV1: false",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			files := maps.Clone(node)
			maps.Copy(files, c.files)
			maps.DeleteFunc(files, func(_, content string) bool { return content == "-" })
			s := settings{root: machine(t, files), uses: DefaultUses(), kubernetes: c.kubernetes, bridged: c.bridged}
			report := &Report{Settings: s.judge()}
			f, found := report.Finding(c.finding)
			g.Expect(found).To(gomega.BeTrue())
			g.Expect(f.Status).To(gomega.Equal(c.status), f.Reason)
			g.Expect(f.Reason).To(gomega.ContainSubstring(c.reason))
			g.Expect(f.Diagnosis != nil).To(gomega.Equal(c.status == Failed))
		})
	}
}

func TestInotifyCountsByUser(t *testing.T) {
	g := gomega.NewWithT(t)
	files := maps.Clone(node)
	files["proc/7/fdinfo/3"] = "pos:\t0\ninotify wd:1 ino:2\ninotify wd:2 ino:3\n"
	files["proc/7/fdinfo/4"] = "pos:\t0\n"
	root := machine(t, files)
	g.Expect(os.Mkdir(filepath.Join(root, "proc/7/fd"), 0o755)).To(gomega.Succeed())
	for link, target := range map[string]string{"3": "anon_inode:inotify", "4": "socket:[1]"} {
		g.Expect(os.Symlink(target, filepath.Join(root, "proc/7/fd", link))).To(gomega.Succeed())
	}
	user, most := (&settings{root: root}).mostWatching()
	g.Expect(user).To(gomega.Equal(uint32(os.Getuid())))
	g.Expect(most).To(gomega.Equal(watching{instances: 1, watches: 2}))
}

func TestBadVersionsAreRefused(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, version := range []string{"", "1.36", "v1.36.3"} {
		g.Expect(checkVersion(version)).To(gomega.Succeed(), version)
	}
	for _, version := range []string{"new", "1", "1.x", "1.2.3.4"} {
		g.Expect(exitcode.Of(checkVersion(version))).To(gomega.Equal(exitcode.Usage), version)
	}
}
