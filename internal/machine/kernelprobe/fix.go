package kernelprobe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
)

// BootFile is the file of modules-load.d that names the modules for the next boot.
const BootFile = "/etc/modules-load.d/99-istio-modules.conf"

// repair is what would make loadable modules loaded, now and at every boot.
type repair struct {
	// Load are the modules to load now.
	Load []string
	// Boot are the modules to add to BootFile.
	Boot []string
}

// plan returns what to do about an operator's modules, and about those that are
// needed here and fail. A module that is built in needs nothing, and one that is
// missing cannot be helped by loading it.
func plan(table []Requirement, facts *Facts, report *Report) repair {
	var r repair
	for i := range table {
		requirement := &table[i]
		found, ok := report.Finding(requirement.Name)
		if !requirement.Boot && (!ok || found.Status != Failed) {
			continue
		}
		state, _ := facts.State(requirement)
		if state != Loaded && state != Loadable {
			continue
		}
		for _, module := range requirement.Modules {
			if !facts.Loaded[module] {
				r.Load = append(r.Load, module)
			}
			if facts.AtBoot[module] == "" {
				r.Boot = append(r.Boot, module)
			}
		}
	}
	return r
}

// commands says in shell what apply does.
func (r *repair) commands() []string {
	var lines []string
	for _, module := range r.Load {
		lines = append(lines, "modprobe "+module)
	}
	if len(r.Boot) > 0 {
		lines = append(lines, fmt.Sprintf("printf '%%s\\n' %s >>%s", strings.Join(r.Boot, " "), BootFile))
	}
	return lines
}

// apply loads the modules and adds them to the file below root, and says each
// command before it runs. A module that cannot be loaded does not keep the others
// from it.
func (r *repair) apply(ctx context.Context, root string, say func(command string)) error {
	var failures []error
	for _, module := range r.Load {
		say("modprobe " + module)
		if err := command.Run(ctx, "modprobe", module); err != nil {
			failures = append(failures, err)
			r.Boot = slices.DeleteFunc(r.Boot, func(m string) bool { return m == module })
		}
	}
	if len(r.Boot) > 0 {
		say((&repair{Boot: r.Boot}).commands()[0])
		if err := addLines(filepath.Join(root, BootFile), r.Boot); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// addLines adds lines to a file, which is made with its directory when missing.
func addLines(path string, lines []string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := string(content)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return os.WriteFile(path, []byte(text+strings.Join(lines, "\n")+"\n"), 0o644)
}

// mayLoad says why modules cannot be loaded from here.
func mayLoad() error {
	if os.Geteuid() != 0 {
		return exitcode.Environmentf("loading kernel modules needs root: run the commands above as root")
	}
	if _, err := exec.LookPath("modprobe"); err != nil {
		return exitcode.Environmentf("loading kernel modules needs modprobe, and there is none in PATH: install kmod")
	}
	return nil
}
