package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"istio-conformance/internal/machine/kernelprobe/guest"
	"istio-conformance/internal/process/command"
)

// hidden is where the files of hidden modules and tools are.
const hidden = "/hidden"

// unloadTimeout bounds how long the kernel may take to let its modules go: the
// namespaces of the case before are removed in the background.
const unloadTimeout = 30 * time.Second

// unloadAll unloads every module, those that others use after those.
func unloadAll() error {
	deadline := time.Now().Add(unloadTimeout)
	for {
		loaded, err := loadedModules()
		if err != nil || len(loaded) == 0 {
			return err
		}
		progress := false
		for _, module := range loaded {
			if err := unix.DeleteModule(module, unix.O_NONBLOCK); err == nil {
				progress = true
			}
		}
		if progress {
			continue
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("still loaded after %s: %s", unloadTimeout, strings.Join(loaded, " "))
		}
		// Nothing tells when a namespace is gone; this is how often to look.
		time.Sleep(50 * time.Millisecond)
	}
}

func loadedModules() ([]string, error) {
	file, err := os.Open("/proc/modules")
	if err != nil {
		return nil, err
	}
	var names []string
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		names = append(names, strings.Fields(lines.Text())[0])
	}
	return names, errors.Join(lines.Err(), file.Close())
}

// moduleDir returns where the modules of the kernel are.
func moduleDir() (string, error) {
	dirs, err := filepath.Glob("/lib/modules/*")
	if err != nil || len(dirs) != 1 {
		return "", fmt.Errorf("want one directory below /lib/modules, there are %v", dirs)
	}
	return dirs[0], nil
}

// hideModules takes the files of the modules away, and makes the list anew.
func hideModules(ctx context.Context, modules []string) error {
	dir, err := moduleDir()
	if err != nil {
		return err
	}
	found := 0
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		name, isModule := strings.CutSuffix(filepath.Base(path), ".ko")
		if err != nil || !isModule || !slices.Contains(modules, strings.ReplaceAll(name, "-", "_")) {
			return err
		}
		found++
		return move(path, filepath.Join(hidden, path))
	})
	if err != nil {
		return err
	}
	if found != len(modules) {
		return fmt.Errorf("%d of the modules %v have a file of their own", found, modules)
	}
	return depmod(ctx)
}

// showModules brings all files of modules back.
func showModules() error {
	err := filepath.WalkDir(filepath.Join(hidden, "lib"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return filepath.SkipAll
		}
		if err != nil || d.IsDir() {
			return err
		}
		return move(path, strings.TrimPrefix(path, hidden))
	})
	return err
}

// depmod makes modules.dep, as installing a kernel does.
func depmod(ctx context.Context) error {
	// It warns about what others miss of a hidden module, which is wanted here.
	return command.Run(ctx, "depmod", "-a")
}

// showTools leaves the tools of one backend of iptables, or of both.
func showTools(tools guest.Tools) error {
	for program, without := range map[string]guest.Tools{
		"/usr/sbin/xtables-nft-multi": guest.LegacyOnly, "/usr/sbin/xtables-legacy-multi": guest.NFTOnly,
	} {
		from, to := filepath.Join(hidden, program), program
		if tools == without {
			from, to = to, from
		}
		if _, err := os.Stat(from); err == nil {
			if err := move(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.Rename(from, to)
}
