package guest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/gobuild"
	"istio-conformance/internal/process/progress"
)

// unwanted matches what the machine does not need of the packages. Modules are
// chosen by name.
var unwanted = regexp.MustCompile(`^/(usr/share|usr/lib/[^/]+/(gconv|engines-3|ossl-modules)|boot/(vmlinuz|System)|lib/systemd)`)

// translated is the room in MiB for translated code: programs that start again and
// again need not be translated again.
const translated = "512"

// kernelLine is the kernel's command line. A panic ends the machine; without the
// expedited waits it takes seconds until namespaces and modules are gone.
const kernelLine = "console=ttyS0 loglevel=4 panic=-1 random.trust_cpu=on mitigations=off rcupdate.rcu_expedited=1"

// Options says how to boot.
type Options struct {
	// Root is the checkout, Dir where the console's log is written, CacheDir where
	// the packages are kept.
	Root, Dir, CacheDir string
	Logf                progress.Logf
}

// Boot runs all cases in one boot of an emulated machine and returns their results
// in order. The processor is emulated: that is slower than to use its own
// virtualisation, but works everywhere, also where that is only half there.
func Boot(ctx context.Context, o Options) (_ []Result, err error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	if err := ensureEmulator(ctx, o.Logf); err != nil {
		return nil, err
	}
	store, err := artifact.Open(o.CacheDir, o.Logf)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	tree, err := unpack(ctx, store, o.Logf)
	if err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp("", "istio-conformance-guest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	initramfs := filepath.Join(work, "initramfs.gz")
	if err := pack(ctx, o.Root, work, tree, initramfs); err != nil {
		return nil, err
	}
	images, err := filepath.Glob(filepath.Join(tree, "boot/vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return nil, fmt.Errorf("want one kernel in the packages, there are %v", images)
	}
	console, results := filepath.Join(o.Dir, "kernel-console.log"), filepath.Join(work, "results")
	o.Logf("booting %s with %d cases; the console is in %s", filepath.Base(images[0]), len(Cases()), console)
	err = command.Run(ctx, emulator, "-machine", "q35", "-accel", "tcg,tb-size="+translated, "-cpu", "max", "-smp", "2", "-m", "768",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-kernel", images[0], "-initrd", initramfs, "-append", kernelLine,
		"-serial", "file:"+console, "-serial", "file:"+results)
	if err != nil {
		return nil, fmt.Errorf("emulated machine: %w", err)
	}
	return readResults(results, console)
}

// pack writes the machine's file system: the packages' files, and our two programs.
func pack(ctx context.Context, root, work, tree, path string) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// Fast: the file is read once, by an emulated processor at worst.
	packed, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return err
	}
	modules, err := moduleFiles(tree)
	if err != nil {
		return err
	}
	a := &archive{w: packed}
	err = a.addTree(tree, func(path string) bool {
		return !unwanted.MatchString(path) && (filepath.Ext(path) != ".ko" || modules[filepath.Join(tree, path)])
	})
	if err != nil {
		return fmt.Errorf("pack %s: %w", tree, err)
	}
	// The kernel opens it before anything is mounted.
	if err := errors.Join(a.add("dev", modeDir|0o755, 0, 0, nil), a.add("dev/console", modeDevice|0o600, 5, 1, nil)); err != nil {
		return err
	}
	for name, source := range map[string]string{"init": "./internal/machine/kernelprobe/guest/init", "bin/kernel-probe": "./cmd/kernel-probe"} {
		program := filepath.Join(work, filepath.Base(name))
		if err := gobuild.Own(ctx, root, source, program); err != nil {
			return fmt.Errorf("build %s: %w", source, err)
		}
		content, err := os.ReadFile(program)
		if err != nil {
			return err
		}
		if err := a.add(name, modeFile|0o755, 0, 0, content); err != nil {
			return err
		}
	}
	return errors.Join(a.close(), packed.Close())
}

// readResults reads a line of JSON for each case.
func readResults(path, console string) ([]Result, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var results []Result
	for line := range bytes.Lines(content) {
		var r Result
		if err := json.Unmarshal(line, &r); err != nil {
			return results, fmt.Errorf("result %d of the emulated machine: %w; see %s", len(results)+1, err, console)
		}
		results = append(results, r)
	}
	if len(results) != len(Cases()) {
		return results, fmt.Errorf("the emulated machine ended after %d of %d cases; see %s", len(results), len(Cases()), console)
	}
	return results, nil
}
