package guest

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"istio-conformance/internal/machine/kernelprobe"
)

// besides are modules that the probes need and that are no requirement of Istio.
var besides = []string{"veth", "ip_tables", "ip6_tables"}

// moduleFiles returns the files below tree of all modules in the table of
// requirements, and of those that they depend on. Leaving out the thousand others
// keeps depmod, which runs for every case, fast.
func moduleFiles(tree string) (map[string]bool, error) {
	table, err := kernelprobe.Requirements()
	if err != nil {
		return nil, err
	}
	files := map[string]string{}
	err = filepath.WalkDir(filepath.Join(tree, "lib/modules"), func(path string, _ fs.DirEntry, err error) error {
		if name, ok := strings.CutSuffix(filepath.Base(path), ".ko"); ok {
			files[strings.ReplaceAll(name, "-", "_")] = path
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	wanted := append([]string{}, besides...)
	for _, r := range table {
		wanted = append(wanted, r.Modules...)
	}
	chosen := map[string]bool{}
	for len(wanted) > 0 {
		name := wanted[0]
		wanted = wanted[1:]
		path, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("the kernel's package has no module %s", name)
		}
		if chosen[path] {
			continue
		}
		chosen[path] = true
		needs, err := dependencies(path)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, needs...)
	}
	return chosen, nil
}

// dependencies returns what a module says that it depends on.
// Source: modinfo(8), field depends, in the section .modinfo.
func dependencies(path string) (_ []string, err error) {
	file, err := elf.Open(path)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	section := file.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("module %s: no section .modinfo", path)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", path, err)
	}
	for field := range strings.SplitSeq(string(info), "\x00") {
		if needs, ok := strings.CutPrefix(field, "depends="); ok {
			return strings.FieldsFunc(strings.ReplaceAll(needs, "-", "_"), func(r rune) bool { return r == ',' }), nil
		}
	}
	return nil, nil
}
