package kernelprobe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// State is how a kernel has a module.
type State string

// The states of a module. Unknown means that no source could be read that would
// tell: no permission is not Missing. None is the state of what is no module.
const (
	Loaded   State = "loaded"
	Builtin  State = "built-in"
	Loadable State = "loadable"
	Missing  State = "missing"
	Unknown  State = "cannot tell"
	None     State = ""
)

// Present reports whether the module is there or comes when it is asked for.
func (s State) Present() bool { return s == Loaded || s == Builtin || s == Loadable }

// State returns how the kernel has the required module, and the evidence for it.
func (f *Facts) State(r *Requirement) (state State, evidence string) {
	if len(r.Modules) == 0 {
		return None, ""
	}
	for _, name := range r.names() {
		if f.Loaded[name] {
			return Loaded, "/proc/modules lists " + name
		}
	}
	for _, option := range r.Config {
		if f.Config[option] == "y" {
			return Builtin, f.ConfigSource.Path + ": " + option + "=y"
		}
	}
	for _, name := range r.names() {
		if f.Builtin[name] {
			return Builtin, f.BuiltinSource.Path + " lists " + name
		}
	}
	for _, name := range r.names() {
		if files := f.Loadable[name]; files != nil {
			return f.loadable(name, files)
		}
	}
	for _, name := range r.names() {
		if _, err := os.Stat(filepath.Join(f.root, "/sys/module", name)); err == nil {
			// Neither loaded nor loadable, and yet the kernel shows it: built in, with parameters.
			return Builtin, "/sys/module/" + name + " exists"
		}
	}
	return f.absent(r)
}

// loadable says whether a module that modules.dep lists can be loaded indeed.
func (f *Facts) loadable(name string, files []string) (State, string) {
	listed := f.LoadableSource.Path + " lists " + name
	for _, file := range files {
		path := filepath.Join(f.root, f.ModuleDir(), file)
		if filepath.IsAbs(file) {
			path = filepath.Join(f.root, file)
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return Missing, fmt.Sprintf("%s, but its file %s is gone", listed, file)
		}
		if line := f.Forbidden[moduleName(file)]; line != "" && !f.Loaded[moduleName(file)] {
			return Missing, fmt.Sprintf("%s, but it must not be loaded: %s", listed, line)
		}
	}
	if f.Locked {
		return Missing, listed + ", but the kernel loads no more modules: kernel.modules_disabled=1"
	}
	return Loadable, listed
}

// absent tells a module that is not there from one of which nothing is known.
func (f *Facts) absent(r *Requirement) (State, string) {
	options := strings.Join(r.Config, " or ")
	for _, option := range r.Config {
		if f.Config[option] != "m" {
			continue
		}
		if f.LoadableSource.Err != nil {
			// As in a container that does not see the host's modules.
			return Unknown, fmt.Sprintf("%s: %s=m, and whether the module is installed is not seen here: %v", f.ConfigSource.Path, option, f.LoadableSource.Err)
		}
		return Missing, fmt.Sprintf("%s: %s=m, but %s does not list it", f.ConfigSource.Path, option, f.LoadableSource.Path)
	}
	switch {
	case f.ConfigSource.Err == nil:
		return Missing, f.ConfigSource.Path + ": " + options + " is not set"
	case f.BuiltinSource.Err == nil && f.LoadableSource.Err == nil:
		return Missing, "neither loaded nor in modules.builtin or modules.dep of " + f.ModuleDir()
	default:
		return Unknown, fmt.Sprintf("not loaded, and neither the kernel's configuration nor its modules can be read: %s; %v",
			oneLine(f.ConfigSource.Err.Error()), f.LoadableSource.Err)
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
