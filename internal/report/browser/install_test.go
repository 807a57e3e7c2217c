package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// names are what Chromium is called, in the order in which they are looked for.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// packages hold a Chromium with letters to show, on Debian and Ubuntu.
var packages = []string{"chromium", "fonts-dejavu-core"}

// Ensure returns the path of a Chromium. Where there is none it is installed, by
// root on Debian or Ubuntu; elsewhere the error says what to do.
func Ensure(ctx context.Context, logf progress.Logf) (string, error) {
	if path := find(); path != "" {
		return path, nil
	}
	system, err := host.ReadOS("/")
	if err != nil || os.Geteuid() != 0 || !system.Like("debian") {
		return "", exitcode.Environmentf("looking at the page needs Chromium: install it (Debian, Ubuntu: apt-get install chromium) and run again")
	}
	logf("installing Chromium with apt-get: the page is looked at in it")
	install := command.Command{
		Args: append([]string{"apt-get", "install", "--yes", "--no-install-recommends"}, packages...),
		Env:  []string{"DEBIAN_FRONTEND=noninteractive"},
	}
	if _, err := install.Output(ctx); err != nil {
		if err := command.Run(ctx, "apt-get", "update"); err != nil {
			return "", exitcode.Environmentf("install Chromium: %w", err)
		}
		if _, err := install.Output(ctx); err != nil {
			return "", exitcode.Environmentf("install Chromium: %w", err)
		}
	}
	if path := find(); path != "" {
		return path, nil
	}
	return "", exitcode.Environmentf("Chromium was installed, but no program of the names %q is in the path", names)
}

func find() string {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Axe returns the source of axe-core at the version that tools/axe pins; root is
// the checkout.
func Axe(ctx context.Context, root string, logf progress.Logf) (string, error) {
	dir := filepath.Join(root, "tools", "axe")
	path := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	if _, err := os.Stat(path); err != nil {
		if _, err := exec.LookPath("npm"); err != nil {
			return "", exitcode.Environmentf("fetching axe-core needs npm: install it (Debian, Ubuntu: apt-get install npm) and run again")
		}
		logf("fetching axe-core with npm: the page is held against its rules")
		fetch := command.Command{Args: []string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}, Dir: dir}
		if _, err := fetch.Output(ctx); err != nil {
			return "", exitcode.Environmentf("fetch axe-core: %w", err)
		}
	}
	content, err := os.ReadFile(path)
	return string(content), err
}
