package gobuild

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
)

// strip leaves out what only a debugger reads.
const strip = "-s"

// Flags are the flags of the go command with which all is compiled: the images,
// and, by the Makefile, this project's own programs. A package that several of
// them need is compiled once only if its flags are the same everywhere. No DWARF
// is generated, since strip would throw it away.
const Flags = "-trimpath -buildvcs=false -gcflags=all=-dwarf=false -ldflags=" + strip

// Compilers and linkers end before they would need the memory that their garbage
// collector frees (docs/first-run.md has figures). Each gets its share of the
// machine's memory before it collects, where that is at least smallest.
const (
	// smallest is what the largest packages need, in bytes.
	smallest = 1 << 30
	// largest is more than any package or link takes, in bytes.
	largest = 4 << 30
)

// collector returns the settings of the compilers' garbage collector, none where
// memory is scarce. The user's own go before them.
func collector(memory uint64, processors int) []string {
	// Twice as many as processors: the go command itself, links, and other programs.
	share := memory / uint64(2*processors)
	if share < smallest {
		return nil
	}
	return []string{"GOGC=off", fmt.Sprintf("GOMEMLIMIT=%d", min(share, largest))}
}

// memory returns the machine's memory in bytes, 0 when it is not known.
func memory() uint64 {
	var machine unix.Sysinfo_t
	if err := unix.Sysinfo(&machine); err != nil {
		return 0
	}
	return machine.Totalram * uint64(machine.Unit)
}

// environment makes the result depend on nothing but the pins: no C compiler,
// no workspace, no flags of the user's.
var environment = []string{"CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly " + Flags, "GOOS=linux"}

// Go returns the go command with the arguments, to be run in dir, with the flags
// and the environment of all that is compiled here.
func Go(dir string, args ...string) command.Command {
	return command.Command{Args: append([]string{"go"}, args...), Dir: dir, Defaults: collector(memory(), runtime.NumCPU()), Env: environment}
}

// Own compiles a package of this project, whose checkout is root, to the file out.
func Own(ctx context.Context, root, pkg, out string) error {
	return compile(ctx, root, out, nil, nil, pkg)
}

func compile(ctx context.Context, dir, out string, stamps []string, compiling func(string), packages ...string) error {
	build := Go(dir, "build", "-o", out)
	if compiling != nil {
		build.Args = append(build.Args, "-v")
		build.Take = func(line string) bool {
			// What is not an import path is a message.
			if strings.ContainsRune(line, ' ') {
				return false
			}
			compiling(line)
			return true
		}
	}
	if len(stamps) > 0 {
		build.Args = append(build.Args, "-ldflags="+strip+" -X "+strings.Join(stamps, " -X "))
	}
	build.Args = append(build.Args, packages...)
	if _, err := build.Output(ctx); err != nil {
		return explain(fmt.Sprintf("the Go modules of %s", dir), err)
	}
	return nil
}

// unreachable matches what the toolchain says when it cannot fetch a module.
var unreachable = regexp.MustCompile(`(?m)^.*(dial tcp|no such host|i/o timeout|connection refused|network is unreachable|proxyconnect|TLS handshake timeout|module lookup disabled).*$`)

// explain turns a failed fetch into one line that says what was not fetched.
func explain(what string, err error) error {
	if line := unreachable.FindString(err.Error()); line != "" {
		return exitcode.Environmentf("cannot fetch %s: %s; check the network and GOPROXY, or use an archive saved on another machine", what, strings.TrimSpace(line))
	}
	return fmt.Errorf("build %s: %w", what, err)
}
