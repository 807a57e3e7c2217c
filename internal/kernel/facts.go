package kernel

import (
	"bufio"
	"fmt"
	"path"
	"strings"
)

// GatherScript prints what a machine knows about its kernel, for ParseFacts. It
// needs a POSIX shell only and reports every source that it cannot read.
const GatherScript = `
section() { echo "== $1"; shift; "$@" 2>&1 || echo "!! exit $?"; }
config() {
  if [ -r /proc/config.gz ]; then echo "# /proc/config.gz"; gzip -dc /proc/config.gz
  elif [ -r "/boot/config-$(uname -r)" ]; then echo "# /boot/config-$(uname -r)"; cat "/boot/config-$(uname -r)"
  else echo "neither /proc/config.gz nor /boot/config-$(uname -r) is readable"; return 1; fi | grep -E '^(# /|CONFIG_)|is not set'
}
section release uname -r
section config config
section loaded cat /proc/modules
section builtin cat "/lib/modules/$(uname -r)/modules.builtin"
section loadable cat "/lib/modules/$(uname -r)/modules.dep"
section sysmodule ls /sys/module
`

// Facts is what a machine knows about its kernel.
type Facts struct {
	// Release is the kernel's, as uname -r prints it.
	Release string
	// ConfigFile is where Config was read; empty when it could not be.
	ConfigFile string
	// Config holds the build options that are set, with y, m or a value.
	Config map[string]string
	// Loaded, Builtin, Loadable and SysModule hold module names with underscores.
	Loaded, Builtin, Loadable, SysModule map[string]bool
	// Unreadable says why a source is empty, by section name.
	Unreadable map[string]string
}

// ParseFacts reads the output of GatherScript.
func ParseFacts(output string) (Facts, error) {
	f := Facts{
		Config: map[string]string{}, Loaded: map[string]bool{}, Builtin: map[string]bool{},
		Loadable: map[string]bool{}, SysModule: map[string]bool{}, Unreadable: map[string]string{},
	}
	sections := splitSections(output)
	for _, name := range []string{"release", "config", "loaded", "builtin", "loadable", "sysmodule"} {
		lines, ok := sections[name]
		if !ok {
			return f, fmt.Errorf("kernel facts: section %q is missing in %d bytes of output", name, len(output))
		}
		if n := len(lines); n > 0 && strings.HasPrefix(lines[n-1], "!! ") {
			f.Unreadable[name] = strings.Join(lines[:n-1], "; ")
			continue
		}
		f.add(name, lines)
	}
	if f.Release == "" {
		return f, fmt.Errorf("kernel facts: uname -r printed nothing: %s", f.Unreadable["release"])
	}
	return f, nil
}

func (f *Facts) add(section string, lines []string) {
	for _, line := range lines {
		switch section {
		case "release":
			f.Release = line
		case "config":
			if file, ok := strings.CutPrefix(line, "# /"); ok {
				f.ConfigFile = "/" + file
			} else if option, value, ok := strings.Cut(line, "="); ok {
				f.Config[option] = value
			}
		case "loaded":
			f.Loaded[moduleName(strings.Fields(line)[0])] = true
		case "builtin":
			f.Builtin[moduleName(line)] = true
		case "loadable":
			file, _, _ := strings.Cut(line, ":")
			f.Loadable[moduleName(file)] = true
		case "sysmodule":
			f.SysModule[moduleName(line)] = true
		}
	}
}

// moduleName turns kernel/net/x/xt-owner.ko.xz into xt_owner: module files and
// module names use - and _ as if they were the same character.
func moduleName(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

// splitSections returns the non-empty lines below each "== name" line.
func splitSections(output string) map[string][]string {
	sections := map[string][]string{}
	name := ""
	lines := bufio.NewScanner(strings.NewReader(output))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if heading, ok := strings.CutPrefix(line, "== "); ok {
			name = heading
			sections[name] = []string{}
		} else if line != "" {
			sections[name] = append(sections[name], line)
		}
	}
	return sections
}
