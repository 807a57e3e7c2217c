// Package host says what the machine is, and what of it stands in the way.
package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"istio-conformance/internal/machine/host/capability"
)

// Options says what to look at.
type Options struct {
	// Root is the directory that holds proc and etc; empty means "/".
	Root string
	// Dirs are the directories whose free space matters; one that does not exist
	// yet counts as the nearest one above it that does.
	Dirs []string
}

// Gather reads the facts of the machine. It changes nothing and can not fail:
// what could not be read says so.
func Gather(o Options) Facts {
	root := o.Root
	if root == "" {
		root = "/"
	}
	proc := filepath.Join(root, "proc")
	facts := Facts{
		OS:                  factOf(ReadOS(root)),
		Kernel:              factOf(readWord(filepath.Join(proc, "sys", "kernel", "osrelease"))),
		Cgroup:              factOf(readCgroup(proc)),
		LoadableModules:     factOf(canLoadModules(proc)),
		UID:                 os.Geteuid(),
		MissingCapabilities: factOf(capability.Missing(proc)),
		CPUs:                runtime.NumCPU(),
		Memory:              factOf(readMemory(proc)),
		InotifyInstances:    factOf(readNumber(filepath.Join(proc, "sys", "fs", "inotify", "max_user_instances"))),
		InotifyWatches:      factOf(readNumber(filepath.Join(proc, "sys", "fs", "inotify", "max_user_watches"))),
		IPv6:                factOf(hasIPv6(proc)),
	}
	for _, dir := range o.Dirs {
		facts.Disks = append(facts.Disks, readDisk(dir))
	}
	return facts
}

// canLoadModules says whether the kernel can load modules: it was built with
// CONFIG_MODULES, without which there is no /proc/modules, and this was not
// turned off since. Source: proc_modules(5), proc_sys_kernel(5).
func canLoadModules(proc string) (bool, error) {
	if _, err := os.Stat(filepath.Join(proc, "modules")); errors.Is(err, fs.ErrNotExist) {
		// Without a proc file system nothing is known.
		_, err := os.Stat(filepath.Join(proc, "sys", "kernel"))
		return false, err
	} else if err != nil {
		return false, err
	}
	disabled, err := readNumber(filepath.Join(proc, "sys", "kernel", "modules_disabled"))
	return disabled == 0, err
}

// hasIPv6 says whether the kernel has IPv6: without it, or with ipv6.disable=1 at boot, there
// are no settings of it. Source: kernel.org, Documentation/networking/ipv6.rst.
func hasIPv6(proc string) (bool, error) {
	_, err := os.Stat(filepath.Join(proc, "sys", "net", "ipv6"))
	if errors.Is(err, fs.ErrNotExist) {
		// Without a proc file system nothing is known.
		_, err := os.Stat(filepath.Join(proc, "sys", "kernel"))
		return false, err
	}
	return err == nil, err
}

// readMemory returns the machine's memory. Source: proc_meminfo(5).
func readMemory(proc string) (Bytes, error) {
	path := filepath.Join(proc, "meminfo")
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		value, ok := strings.CutPrefix(line, "MemTotal:")
		if !ok {
			continue
		}
		kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 54)
		if err != nil {
			return 0, fmt.Errorf("read %s, MemTotal: %w", path, err)
		}
		return Bytes(kib) << 10, nil
	}
	return 0, fmt.Errorf("read %s: no field MemTotal", path)
}

// readWord returns the content of a file of one word.
func readWord(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(content)), nil
}

// readNumber returns the content of a file of one number.
func readNumber(path string) (int, error) {
	word, err := readWord(path)
	if err != nil {
		return 0, err
	}
	number, err := strconv.Atoi(word)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", path, err)
	}
	return number, nil
}
