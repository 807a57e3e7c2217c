package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// packages are what a private engine needs from the distribution.
var packages = []string{"docker.io", "iptables"}

// cliPackage holds the docker command where docker.io no longer does: from
// Debian 13 and Ubuntu 25.10 on.
const cliPackage = "docker-cli"

// install installs Docker from the distribution's own packages. On other systems
// than Debian, Ubuntu and those made from them it is an error that says what to do.
func install(ctx context.Context, logf progress.Logf) error {
	system, err := host.ReadOS("/")
	if err != nil {
		return exitcode.Environmentf("install Docker: %w: install it yourself and run again", err)
	}
	if _, err := exec.LookPath("apt-get"); err != nil || !system.Like("debian") {
		return exitcode.Environmentf("Docker is not installed, and %s is neither Debian nor Ubuntu: install and start Docker, then run again", system)
	}
	logf("installing %s with apt-get", strings.Join(packages, " "))
	started := time.Now()
	// A foreign repository that is broken does not matter if the packages install.
	updateErr := apt(ctx, "update")
	if err := apt(ctx, append([]string{"install"}, packages...)...); err != nil {
		return exitcode.Environmentf("install Docker: %w", errors.Join(err, updateErr))
	}
	if _, err := exec.LookPath("docker"); err != nil {
		if err := apt(ctx, "install", cliPackage); err != nil {
			return exitcode.Environmentf("install Docker's command: %w", errors.Join(err, updateErr))
		}
	}
	logf("installed Docker in %s", time.Since(started).Round(time.Second))
	return startService(ctx, logf)
}

// apt runs apt-get without questions; it waits for another apt-get to finish.
func apt(ctx context.Context, args ...string) error {
	run := command.Command{
		Args: append([]string{"apt-get", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"}, args...),
		Env:  []string{"DEBIAN_FRONTEND=noninteractive"},
	}
	_, err := run.Output(ctx)
	return err
}

// startService starts the system's engine where systemd manages the services.
func startService(ctx context.Context, logf progress.Logf) error {
	// Source: sd_booted(3).
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil //nolint:nilerr // not there: systemd does not run
	}
	logf("starting the service docker; it stays on when the run ends")
	if err := command.Run(ctx, "systemctl", "start", "docker"); err != nil {
		return exitcode.Environmentf("start the service docker: %w", err)
	}
	return nil
}
