// Command init is the first and only program of the emulated machine: it makes each
// case of package guest, runs kernel-probe in it and reports to the second serial
// port. The first one shows how far it is.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"istio-conformance/internal/machine/kernelprobe/guest"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("init:", err)
	}
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("init: power off:", err)
	}
}

func run() error {
	if err := mountAll(); err != nil {
		return err
	}
	if err := os.Setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin"); err != nil { //nolint:forbidigo // the first program of a machine starts without one
		return err
	}
	results, err := os.OpenFile("/dev/ttyS1", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(results)
	for _, c := range guest.Cases() {
		result := try(&c)
		fmt.Printf("%-50s %s %.1f s %s\n", c.Name, result.Verdict, result.Seconds, result.Problem)
		if err := encoder.Encode(result); err != nil {
			return err
		}
	}
	return results.Close()
}

// kubeletConfig makes the machine a node for who looks at it.
const kubeletConfig = "/var/lib/kubelet/config.yaml"

// mountAll makes the file systems that every Linux has.
func mountAll() error {
	failures := []error{
		os.MkdirAll(filepath.Dir(kubeletConfig), 0o755), os.WriteFile(kubeletConfig, []byte("kind: KubeletConfiguration\n"), 0o644),
	}
	for _, m := range []struct{ kind, dir string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"}, {"cgroup2", "/sys/fs/cgroup"},
	} {
		if err := os.MkdirAll(m.dir, 0o755); err != nil {
			failures = append(failures, err)
		} else if err := unix.Mount(m.kind, m.dir, m.kind, 0, ""); err != nil {
			failures = append(failures, fmt.Errorf("mount %s: %w", m.dir, err))
		}
	}
	return errors.Join(failures...)
}
