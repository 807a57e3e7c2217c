package kernelprobe

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Source is one place where a kernel says which modules it has.
type Source struct {
	// Path is what was read, or what should have been.
	Path string
	// Err says why nothing is known from it.
	Err error
}

// Facts is what a machine says about its kernel's modules.
type Facts struct {
	// Release is the kernel's, as uname -r prints it.
	Release string
	// Config holds the build options that are set: y, m or a value.
	Config map[string]string
	// Loaded and Builtin hold module names with underscores.
	Loaded, Builtin map[string]bool
	// Loadable holds the files of each loadable module, its own first and then
	// those of the modules that it depends on; the paths are below ModuleDir.
	Loadable map[string][]string
	// Forbidden holds the lines of modprobe's configuration that keep a module from
	// being loaded, with their file.
	Forbidden map[string]string
	// AtBoot holds the file of modules-load.d that names a module.
	AtBoot map[string]string
	// Locked says that the kernel takes no more modules.
	Locked bool
	// ConfigSource, LoadedSource, BuiltinSource and LoadableSource say where these
	// were read.
	ConfigSource, LoadedSource, BuiltinSource, LoadableSource Source

	root string
}

// Gather reads the facts of the machine whose root directory is root. It changes
// nothing, and what it cannot read has an error and is not taken for absent.
func Gather(root string) (Facts, error) {
	release, err := os.ReadFile(filepath.Join(root, "proc/sys/kernel/osrelease"))
	if err != nil {
		return Facts{}, fmt.Errorf("the kernel's release: %w", err)
	}
	f := Facts{
		Release: strings.TrimSpace(string(release)), root: root, Config: map[string]string{}, Loaded: map[string]bool{},
		Builtin: map[string]bool{}, Loadable: map[string][]string{}, Forbidden: map[string]string{}, AtBoot: map[string]string{},
	}
	f.readConfig()
	f.LoadedSource = f.read("/proc/modules", func(line string) {
		name, _, _ := strings.Cut(line, " ")
		f.Loaded[moduleName(name)] = true
	})
	f.BuiltinSource = f.read(path.Join(f.ModuleDir(), "modules.builtin"), func(line string) { f.Builtin[moduleName(line)] = true })
	f.LoadableSource = f.read(path.Join(f.ModuleDir(), "modules.dep"), func(line string) {
		file, needs, _ := strings.Cut(line, ":")
		f.Loadable[moduleName(file)] = append([]string{file}, strings.Fields(needs)...)
	})
	locked, err := os.ReadFile(filepath.Join(root, "proc/sys/kernel/modules_disabled"))
	f.Locked = err == nil && strings.TrimSpace(string(locked)) == "1"
	f.readModprobe()
	return f, nil
}

// ModuleDir is where the modules of the kernel are installed.
func (f *Facts) ModuleDir() string { return path.Join("/lib/modules", f.Release) }

// readConfig reads how the kernel was built, from where it says so itself or else
// from where distributions keep it.
func (f *Facts) readConfig() {
	var failures []error
	for _, file := range []string{"/proc/config.gz", "/boot/config-" + f.Release, f.ModuleDir() + "/config", "/usr/lib/modules/" + f.Release + "/config"} {
		source := f.read(file, func(line string) {
			if option, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(option, "CONFIG_") {
				f.Config[option] = value
			}
		})
		if source.Err == nil && len(f.Config) > 0 {
			f.ConfigSource = source
			return
		}
		failures = append(failures, source.Err)
	}
	f.ConfigSource = Source{Path: "/proc/config.gz, /boot/config-" + f.Release, Err: errors.Join(failures[0], failures[1])}
}

// read calls add for each line of a file that is not empty; a file that ends in
// .gz is unpacked.
func (f *Facts) read(file string, add func(line string)) Source {
	source := Source{Path: file}
	opened, err := os.Open(filepath.Join(f.root, file))
	if err != nil {
		source.Err = brief(file, err)
		return source
	}
	defer func() { _ = opened.Close() }() // it was only read
	var content io.Reader = opened
	if strings.HasSuffix(file, ".gz") {
		if content, err = gzip.NewReader(opened); err != nil {
			source.Err = brief(file, err)
			return source
		}
	}
	lines := bufio.NewScanner(content)
	lines.Buffer(nil, 1<<20) // modules.dep has long lines
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			add(line)
		}
	}
	if err := lines.Err(); err != nil {
		source.Err = brief(file, err)
	}
	return source
}

// brief is the error without the root directory of a test in it.
func brief(file string, err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("%s: %w", file, err)
}

// moduleName turns kernel/net/x/xt-owner.ko.xz into xt_owner: the files and the
// names of modules use - and _ as if they were the same character.
func moduleName(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}
