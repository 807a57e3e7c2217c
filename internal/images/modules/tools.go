package modules

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// tool is a program of this machine that a build calls.
type tool struct {
	// present reports whether the machine has it.
	present func(ctx context.Context) bool
	// packages are the Debian packages that bring it.
	packages []string
}

var bootstrapTool = tool{
	present: func(context.Context) bool {
		_, err := exec.LookPath("mmdebstrap")
		return err == nil && existing(debianKeyring) == debianKeyring
	},
	packages: []string{"mmdebstrap", "debian-archive-keyring"},
}

var pipTool = tool{
	present:  func(ctx context.Context) bool { return command.Run(ctx, "python3", "-m", "pip", "--version") == nil },
	packages: []string{"python3-pip"},
}

// debianKeyring verifies Debian's packages; Ubuntu does not have it by default.
const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// needsTools lists what the parts that the cache lacks are made with.
func (b *build) needsTools(parts []part) []tool {
	var tools []tool
	for _, p := range parts {
		if b.store.Has(p.id) {
			continue
		}
		switch p.id.Name {
		case b.plan.envoy.id.Name:
			tools = append(tools, pipTool)
		case nodeSystem.name, proxySystem.name:
			tools = append(tools, bootstrapTool)
		}
	}
	return tools
}

// missing lists the packages of the tools that are not present, each once.
func missing(ctx context.Context, tools []tool) []string {
	var packages []string
	for _, t := range tools {
		if t.present(ctx) {
			continue
		}
		for _, p := range t.packages {
			if !slices.Contains(packages, p) {
				packages = append(packages, p)
			}
		}
	}
	return packages
}

// ensureTools installs what the machine lacks, if it may: as root on a system
// with apt-get. Otherwise the error says what to install.
func ensureTools(ctx context.Context, tools []tool, logf progress.Logf) error {
	packages := missing(ctx, tools)
	if len(packages) == 0 {
		return nil
	}
	list := strings.Join(packages, " ")
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return exitcode.Environmentf("building images needs programs that are missing here; install them (Debian, Ubuntu: apt-get install %s), or use IMAGES=release or an archive", list)
	}
	logf("installing %s with apt-get: the images are built with them", list)
	install := command.Command{
		Args: append([]string{"apt-get", "install", "--yes", "--no-install-recommends"}, packages...),
		Env:  []string{"DEBIAN_FRONTEND=noninteractive"},
	}
	if _, err := install.Output(ctx); err == nil {
		return nil
	}
	// A machine that never listed its packages knows none of them.
	if err := command.Run(ctx, "apt-get", "update"); err != nil {
		return explain("the list of Debian packages", err)
	}
	if _, err := install.Output(ctx); err != nil {
		return explain("the Debian packages "+list, err)
	}
	return nil
}

// existing returns path or the nearest parent that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
