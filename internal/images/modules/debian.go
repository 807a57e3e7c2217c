package modules

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/command"
)

// suite is the Debian release of all file systems. The systemd of the next one
// (256 and newer) refuses to start on cgroup v1.
const suite = "bookworm"

// layerFile is the name of a layer in the artifact that holds nothing else.
const layerFile = "layer.tar"

// system is a Debian file system.
type system struct {
	name     string
	variant  string // of mmdebstrap: which packages come with no request
	packages []string
	// megabytes is what its installation takes with all temporary files.
	megabytes int
}

// nodeSystem is below a node: systemd, and what kind's entry point, containerd,
// the kubelet and kube-proxy call. usr-is-merged spares a conversion tool that
// would bring all of Perl.
var nodeSystem = system{"debian-node", "minbase", []string{
	"usr-is-merged", "systemd", "conntrack", "iptables", "nftables", "iproute2", "ethtool", "util-linux", "mount", "kmod",
	"libseccomp2", "pigz", "ebtables", "socat", "bash", "ca-certificates", "curl", "jq", "procps", "runc", "hostname",
}, 600}

// proxySystem is below kube-proxy and Istio's images: Envoy needs glibc 2.31 or
// newer, the others call iptables.
var proxySystem = system{"debian-proxy", "essential", []string{
	"usr-is-merged", "iptables", "nftables", "iproute2", "ca-certificates",
}, 300}

// excluded are the paths that dpkg does not unpack. Licences are kept.
var excluded = []string{
	"path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
	"path-exclude=/usr/share/man/*", "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/locale/*",
}

// mergedUsr makes /bin, /lib and /sbin links into /usr from the start.
const mergedUsr = "/usr/share/mmdebstrap/hooks/merged-usr"

// part returns the artifact that holds the system as one layer. Debian's
// archive moves on, so its key stands for a list of packages and not for their
// versions; the image says those in /var/lib/dpkg/status.
func (s *system) part() part {
	inputs := append([]string{assembly, suite, s.variant, runtime.GOARCH}, excluded...)
	inputs = append(inputs, s.packages...)
	return part{
		id:        artifact.ID{Name: s.name, Key: artifact.Key(inputs...)},
		done:      "installed",
		make:      s.install,
		megabytes: s.megabytes,
	}
}

func (s *system) install(ctx context.Context, dir, scratch string) error {
	raw := filepath.Join(dir, "raw.tar")
	args := []string{"mmdebstrap", "--variant=" + s.variant, "--hook-dir=" + mergedUsr}
	// Nobody needs half a system after a crash, and waiting for the disk took a third of
	// the time.
	args = append(args, "--dpkgopt=force-unsafe-io")
	for _, option := range excluded {
		args = append(args, "--dpkgopt="+option)
	}
	args = append(args, "--include="+strings.Join(s.packages, ","), suite, raw)
	install := command.Command{Args: args, Env: []string{"SOURCE_DATE_EPOCH=0", "TMPDIR=" + scratch}}
	if _, err := install.Output(ctx); err != nil {
		return explain("Debian packages", err)
	}
	if _, err := oci.Rewrite(raw, filepath.Join(dir, layerFile), leftOut, &oci.Tree{}); err != nil {
		return err
	}
	return os.Remove(raw)
}

// leftOut says what no container wants of a Debian system: device nodes, which
// the runtime makes, traces of this machine, logs and package lists.
func leftOut(name string) bool {
	switch filepath.Dir(name) {
	case "dev", "var/log", "var/lib/apt/lists", "var/cache/apt", "var/cache/debconf", "tmp", "run":
		return true
	}
	return name == "etc/resolv.conf" || name == "etc/hostname" || name == "etc/machine-id"
}
