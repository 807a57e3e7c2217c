package guest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// tools are the packages of the machine's programs, to which apt adds what they
// need; kernelMeta is the package that depends on the newest kernel for clouds.
var tools = []string{"iptables", "nftables", "kmod"}

const kernelMeta = "linux-image-cloud-amd64"

// emulator is the program that boots the machine, of the package of this name.
const (
	emulator        = "qemu-system-x86_64"
	emulatorPackage = "qemu-system-x86"
)

// Supported says why this machine cannot emulate the other one, with status
// exitcode.Environment.
func Supported() error {
	system, err := host.ReadOS("/")
	if err != nil {
		return exitcode.Environmentf("%w", err)
	}
	if runtime.GOARCH != "amd64" || !system.Like("debian") {
		return exitcode.Environmentf("the kernel's cases run on amd64 with Debian's packages; this is %s on %s", runtime.GOARCH, system)
	}
	if _, err := exec.LookPath(emulator); err != nil && os.Geteuid() != 0 {
		return exitcode.Environmentf("the kernel's cases need %s: apt-get install %s", emulator, emulatorPackage)
	}
	return nil
}

// ensureEmulator installs the emulator when there is none.
func ensureEmulator(ctx context.Context, logf progress.Logf) error {
	if _, err := exec.LookPath(emulator); err == nil {
		return nil
	}
	logf("installing %s with apt-get: the emulated machine runs in it", emulatorPackage)
	install := command.Command{
		Args: []string{"apt-get", "install", "--yes", "--no-install-recommends", emulatorPackage},
		Env:  []string{"DEBIAN_FRONTEND=noninteractive"},
	}
	if _, err := install.Output(ctx); err == nil {
		return nil
	}
	// A machine that never listed its packages knows none of them.
	if err := command.Run(ctx, "apt-get", "update"); err != nil {
		return exitcode.Environmentf("list Debian's packages: %w", err)
	}
	if _, err := install.Output(ctx); err != nil {
		return exitcode.Environmentf("install %s: %w", emulatorPackage, err)
	}
	return nil
}

// unpack returns a directory with the unpacked packages of the machine. They are
// downloaded, not installed. Debian's archive moves on, so the key stands for the
// kernel's version and a list of packages.
func unpack(ctx context.Context, store *artifact.Store, logf progress.Logf) (string, error) {
	image, err := kernelPackage(ctx)
	if err != nil {
		return "", err
	}
	id := artifact.ID{Name: "kernel-guest", Key: artifact.Key(append([]string{image}, tools...)...)}
	return store.Ensure(ctx, id, func(ctx context.Context, dir string) (err error) {
		logf("downloading %s and %v with apt-get; nothing is installed", image, tools)
		debs, err := os.MkdirTemp("", "istio-conformance-debs-")
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(debs)) }()
		if err := download(ctx, debs, image); err != nil {
			return exitcode.Environmentf("download the emulated machine's packages: %w", err)
		}
		files, err := filepath.Glob(filepath.Join(debs, "*.deb"))
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := command.Run(ctx, "dpkg-deb", "--extract", file, dir); err != nil {
				return fmt.Errorf("unpack %s: %w", filepath.Base(file), err)
			}
		}
		return nil
	})
}

// kernelName matches the package of a kernel in what apt-cache prints.
var kernelName = regexp.MustCompile(`linux-image-[0-9]\S*-cloud-amd64`)

// kernelPackage returns the package of the newest kernel for clouds.
func kernelPackage(ctx context.Context) (string, error) {
	depends, err := command.Output(ctx, "apt-cache", "depends", kernelMeta)
	if err == nil {
		if name := kernelName.FindString(depends); name != "" {
			return name, nil
		}
		err = errors.New("it names no kernel")
	}
	return "", exitcode.Environmentf("find Debian's kernel for clouds: apt-cache depends %s: %w; run apt-get update", kernelMeta, err)
}

// download fetches the kernel, and the tools with all that they depend on: for apt
// nothing is installed yet.
func download(ctx context.Context, dir, image string) error {
	if err := os.Mkdir(filepath.Join(dir, "partial"), 0o755); err != nil {
		return err
	}
	status := filepath.Join(dir, "status")
	if err := os.WriteFile(status, nil, 0o644); err != nil {
		return err
	}
	args := []string{
		"apt-get", "--yes", "--no-install-recommends", "--download-only", "-o", "Dir::State::status=" + status,
		"-o", "Dir::Cache::archives=" + dir + "/", "-o", "Debug::NoLocking=1", "install",
	}
	if err := command.Run(ctx, append(args, tools...)...); err != nil {
		return err
	}
	fetch := command.Command{Args: []string{"apt-get", "download", image}, Dir: dir}
	_, err := fetch.Output(ctx)
	return err
}
