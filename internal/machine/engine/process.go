package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// procDir is the directory of the kernel's processes.
const procDir = "/proc"

// process is a running program. A zombie is not one.
type process struct {
	pid    int
	parent int
	args   []string
}

// name is the base name of the program, such as "dockerd".
func (p process) name() string { return filepath.Base(p.args[0]) }

// processes returns the running programs whose command line this process may
// read. Those that end meanwhile are left out.
func processes(proc string) ([]process, error) {
	entries, err := os.ReadDir(proc)
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	var all []process
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue // not a process
		}
		line, err := os.ReadFile(filepath.Join(proc, entry.Name(), "cmdline"))
		if err == nil && len(line) == 0 {
			continue // a thread of the kernel, or a zombie
		}
		stat, statErr := os.ReadFile(filepath.Join(proc, entry.Name(), "stat"))
		if err := errors.Join(err, statErr); gone(err) || errors.Is(err, fs.ErrPermission) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("read process %d: %w", pid, err)
		}
		args := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
		all = append(all, process{pid, parentOf(string(stat)), args})
	}
	return all, nil
}

// parentOf returns the parent in the content of a process's stat file: the second
// field after the program's name, which may itself hold spaces and brackets. It
// is 0 when there is none.
// Source: proc_pid_stat(5).
func parentOf(stat string) int {
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	if len(fields) < 2 {
		return 0
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return parent
}

// children returns the processes whose parent is one of the given ones.
func children(all, parents []process) []process {
	return slices.DeleteFunc(slices.Clone(all), func(p process) bool {
		isChild := slices.ContainsFunc(parents, func(parent process) bool { return p.parent == parent.pid })
		return !isChild
	})
}

// gone says that reading a file of a process failed since the process ended.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// dockerd returns the private engine's daemon: the one that was started with the
// configuration file of this layout.
func (l layout) dockerd(all []process) (process, bool) {
	i := slices.IndexFunc(all, func(p process) bool {
		return p.name() == "dockerd" && slices.Contains(p.args, configFlag(l.config()))
	})
	if i < 0 {
		return process{}, false
	}
	return all[i], true
}

// helpers returns what the private engine's daemon started for itself: its
// containerd and a shim for each container. All have a file of the engine on
// their command line.
func (l layout) helpers(all []process) []process {
	return slices.DeleteFunc(slices.Clone(all), func(p process) bool {
		ours := strings.HasPrefix(p.name(), "containerd") &&
			slices.ContainsFunc(p.args, func(arg string) bool { return strings.HasPrefix(arg, l.execRoot()+"/") })
		return !ours
	})
}

// otherDockerd returns a daemon that is not this layout's and shares its network
// namespace with this process.
func (l layout) otherDockerd(proc string, all []process) (process, bool) {
	own, err := os.Readlink(filepath.Join(proc, "self", "ns", "net"))
	for _, p := range all {
		if p.name() != "dockerd" || slices.Contains(p.args, configFlag(l.config())) {
			continue
		}
		// What can not be compared counts as shared: that is the safe side.
		theirs, theirErr := os.Readlink(filepath.Join(proc, strconv.Itoa(p.pid), "ns", "net"))
		if err != nil || theirErr != nil || own == theirs {
			return p, true
		}
	}
	return process{}, false
}

// configFlag is the argument that names a daemon's configuration file.
func configFlag(path string) string { return "--config-file=" + path }
