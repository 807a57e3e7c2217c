package kernelprobe

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The directories of modprobe.d and modules-load.d, those that win first.
// Source: modprobe.d(5), modules-load.d(5).
var (
	modprobeDirs = []string{"/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"}
	bootDirs     = []string{"/etc/modules-load.d", "/run/modules-load.d", "/usr/local/lib/modules-load.d", "/usr/lib/modules-load.d"}
)

// readModprobe notes which modules an administrator forbids, by an install line
// that does nothing as hardening guides have it, and which are loaded at boot. A
// directory or file that cannot be read forbids nothing: a probe will tell.
func (f *Facts) readModprobe() {
	for _, file := range f.configFiles(modprobeDirs) {
		f.read(file, func(line string) {
			fields := strings.Fields(line)
			if len(fields) >= 3 && fields[0] == "install" && slices.Contains([]string{"true", "false", ":"}, path.Base(fields[2])) {
				f.Forbidden[moduleName(fields[1])] = file + ": " + line
			}
		})
	}
	for _, file := range append([]string{"/etc/modules"}, f.configFiles(bootDirs)...) {
		f.read(file, func(line string) {
			if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, ";") {
				f.AtBoot[moduleName(strings.Fields(line)[0])] = file
			}
		})
	}
}

// configFiles returns the .conf files of the directories. A name that was in an
// earlier directory is not taken from a later one.
func (f *Facts) configFiles(dirs []string) []string {
	var files []string
	seen := map[string]bool{}
	for _, dir := range dirs {
		// The pattern is constant, so that there is no error but a bad root.
		found, err := filepath.Glob(filepath.Join(f.root, dir, "*.conf"))
		if err != nil {
			continue
		}
		for _, file := range found {
			if name := filepath.Base(file); !seen[name] {
				seen[name] = true
				files = append(files, path.Join(dir, name))
			}
		}
	}
	return files
}
