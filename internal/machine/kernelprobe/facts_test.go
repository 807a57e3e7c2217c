package kernelprobe

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"
)

const testRelease = "6.1.0-18-amd64"

// machine writes a root directory with these files; a name that ends in .gz is
// packed.
func machine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	if _, ok := files["proc/sys/kernel/osrelease"]; !ok {
		write(t, filepath.Join(root, "proc/sys/kernel/osrelease"), testRelease+"\n")
	}
	for name, content := range files {
		if filepath.Ext(name) == ".gz" {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			if _, err := w.Write([]byte(content)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			content = packed.String()
		}
		write(t, filepath.Join(root, name), content)
	}
	return root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

const modules = "lib/modules/" + testRelease + "/"

func TestStateNamesItsEvidence(t *testing.T) {
	distribution := map[string]string{
		"boot/config-" + testRelease: "CONFIG_NF_NAT=m\nCONFIG_BRIDGE_NETFILTER=m\n# CONFIG_IP_NF_RAW is not set\n",
		"proc/modules":               "overlay 163840 12 - Live 0x0000000000000000\n",
		modules + "modules.builtin":  "kernel/net/netfilter/xt-owner.ko\n",
		modules + "modules.dep": "kernel/nf_nat.ko.xz: kernel/nf_conntrack.ko.xz\nkernel/nf_conntrack.ko.xz:\n" +
			"kernel/xt_REDIRECT.ko: kernel/gone.ko\nkernel/gone.ko:\nkernel/xt_CT.ko:\n",
		modules + "kernel/nf_nat.ko.xz": "", modules + "kernel/nf_conntrack.ko.xz": "", modules + "kernel/xt_REDIRECT.ko": "", modules + "kernel/xt_CT.ko": "",
		"sys/module/iptable_mangle/parameters/x": "", "etc/modprobe.d/cis.conf": "# hardening\ninstall xt_CT /bin/false\n",
	}
	builtIn := map[string]string{"proc/config.gz": "CONFIG_OVERLAY_FS=y\n# CONFIG_MODULES is not set\n"}
	container := map[string]string{"proc/config.gz": "CONFIG_NF_NAT=m\n", "proc/modules": ""}
	locked := map[string]string{
		"proc/sys/kernel/modules_disabled": "1\n", modules + "modules.dep": "kernel/nf_nat.ko:\n", modules + "kernel/nf_nat.ko": "",
	}
	cases := []struct {
		name     string
		files    map[string]string
		module   string
		state    State
		evidence string
	}{
		{"built in by the configuration", builtIn, "overlay", Builtin, "/proc/config.gz: CONFIG_OVERLAY_FS=y"},
		{"not set in the configuration", builtIn, "xt_owner", Missing, "CONFIG_NETFILTER_XT_MATCH_OWNER is not set"},
		{"loaded", distribution, "overlay", Loaded, "/proc/modules lists overlay"},
		{"built in by a file name with a dash", distribution, "xt_owner", Builtin, "modules.builtin lists xt_owner"},
		{"loadable from a packed file", distribution, "nf_nat", Loadable, "modules.dep lists nf_nat"},
		{"listed, but the file of what it depends on is gone", distribution, "xt_REDIRECT", Missing, "kernel/gone.ko is gone"},
		{"listed, but forbidden", distribution, "xt_CT", Missing, "/etc/modprobe.d/cis.conf: install xt_CT /bin/false"},
		{"only in sysfs", distribution, "iptable_mangle", Builtin, "/sys/module/iptable_mangle exists"},
		{"configured, but not installed", distribution, "br_netfilter", Missing, "=m, but /lib/modules/" + testRelease + "/modules.dep does not list it"},
		{"configured as a module, in a container without the host's modules", container, "nf_nat", Unknown, "whether the module is installed is not seen here"},
		{"listed, but the kernel takes no more modules", locked, "nf_nat", Missing, "kernel.modules_disabled=1"},
		{"nothing can be read", nil, "nf_nat", Unknown, "/proc/config.gz: no such file or directory"},
		{"no module at all", distribution, "nat-redirect", None, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			facts, err := Gather(machine(t, c.files))
			g.Expect(err).NotTo(gomega.HaveOccurred())
			state, evidence := facts.State(find(t, c.module))
			g.Expect(state).To(gomega.Equal(c.state), evidence)
			g.Expect(evidence).To(gomega.ContainSubstring(c.evidence))
		})
	}
}

func TestOldNamesCount(t *testing.T) {
	g := gomega.NewWithT(t)
	facts, err := Gather(machine(t, map[string]string{"proc/modules": "nf_nat_ipv4 16384 1 - Live 0x0\n"}))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	state, _ := facts.State(find(t, "nf_nat"))
	g.Expect(state).To(gomega.Equal(Loaded))
}

func TestModulesForTheNextBoot(t *testing.T) {
	g := gomega.NewWithT(t)
	facts, err := Gather(machine(t, map[string]string{
		"etc/modules-load.d/istio.conf":     "# for Istio\nbr-netfilter\n",
		"usr/lib/modules-load.d/istio.conf": "overlay\n", // hidden by the one in /etc
		"etc/modules":                       "xt_owner\n",
	}))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(facts.AtBoot).To(gomega.Equal(map[string]string{"br_netfilter": "/etc/modules-load.d/istio.conf", "xt_owner": "/etc/modules"}))
}

func find(t *testing.T, name string) *Requirement {
	t.Helper()
	table, err := Requirements()
	if err != nil {
		t.Fatal(err)
	}
	for i := range table {
		if table[i].Name == name {
			return &table[i]
		}
	}
	t.Fatalf("no requirement %s", name)
	return nil
}
