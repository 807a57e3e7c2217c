package main

import (
	"path/filepath"
	"slices"
	"strings"
)

// specFile is a file with the description of a process.
type specFile struct {
	path string
	// process says that the file holds the process itself, as for an exec, and
	// not a container's whole config.json.
	process bool
}

// globalValueFlags are runc's flags before the subcommand that take a value.
// Source: runc(8).
var globalValueFlags = []string{"criu", "log", "log-format", "root", "rootless"}

// specOf returns the file that a runc command line makes a process from, and
// whether there is one: "create" and "run" read config.json of the bundle,
// "exec" reads the file of --process.
func specOf(args []string) (specFile, bool) {
	command, rest := subcommand(args)
	switch command {
	case "create", "run":
		bundle, ok := flagValue(rest, "bundle", "b")
		if !ok {
			bundle = "."
		}
		return specFile{path: filepath.Join(bundle, "config.json")}, true
	case "exec":
		if path, ok := flagValue(rest, "process", "p"); ok {
			return specFile{path: path, process: true}, true
		}
	}
	return specFile{}, false
}

// subcommand skips runc's global flags and returns the subcommand with what
// follows it.
func subcommand(args []string) (string, []string) {
	for i := 0; i < len(args); i++ {
		name, isFlag := strings.CutPrefix(args[i], "-")
		if !isFlag {
			return args[i], args[i+1:]
		}
		if slices.Contains(globalValueFlags, strings.TrimPrefix(name, "-")) {
			i++
		}
	}
	return "", nil
}

// flagValue returns the value of a flag in any of the spellings that runc takes:
// one or two dashes, with "=" or with the value as the next argument. As in
// runc, the last of several counts and "--" ends the flags.
func flagValue(args []string, names ...string) (value string, ok bool) {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		name, isFlag := strings.CutPrefix(arg, "-")
		if !isFlag {
			continue
		}
		name, inline, hasInline := strings.Cut(strings.TrimPrefix(name, "-"), "=")
		if !slices.Contains(names, name) {
			continue
		}
		if hasInline {
			value, ok = inline, true
		} else if i+1 < len(args) {
			value, ok = args[i+1], true
		}
	}
	return value, ok
}
