package kernel

import "strings"

// State is how a kernel has a module.
type State string

// The states a module can be in. Unknown means that no source could be read
// that would tell; it is not Missing.
const (
	Loaded   State = "loaded"
	Builtin  State = "built-in"
	Loadable State = "loadable"
	Missing  State = "missing"
	Unknown  State = "cannot tell"
)

// Present reports whether the module is there or comes when it is asked for.
func (s State) Present() bool { return s == Loaded || s == Builtin || s == Loadable }

// State returns how the kernel has the required module, and the evidence for it.
func (f Facts) State(r Requirement) (state State, evidence string) {
	option, configured := f.Config[r.Config], f.ConfigFile != ""
	name := strings.ReplaceAll(r.Module, "-", "_")
	switch {
	case f.Loaded[name]:
		return Loaded, "/proc/modules lists " + r.Module
	case option == "y":
		return Builtin, f.ConfigFile + ": " + r.Config + "=y"
	case f.Builtin[name]:
		return Builtin, "modules.builtin lists " + r.Module
	case f.Loadable[name]:
		return Loadable, "modules.dep lists " + r.Module
	case f.SysModule[name]:
		// Neither loaded nor loadable, and yet the kernel shows it: built in with parameters.
		return Builtin, "/sys/module/" + r.Module + " exists"
	case option == "m":
		return Missing, f.ConfigFile + ": " + r.Config + "=m, but no module file for kernel " + f.Release + f.why("loadable")
	case configured:
		return Missing, f.ConfigFile + ": " + r.Config + " is not set"
	case f.Unreadable["builtin"] == "" && f.Unreadable["loadable"] == "":
		return Missing, "neither loaded nor in modules.builtin or modules.dep of kernel " + f.Release
	default:
		return Unknown, f.Unreadable["config"] + f.why("loadable")
	}
}

func (f Facts) why(section string) string {
	if reason := f.Unreadable[section]; reason != "" {
		return " (" + reason + ")"
	}
	return ""
}
