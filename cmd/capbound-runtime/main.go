// Command capbound-runtime is an OCI runtime that lets privileged containers
// start where root itself lacks capabilities. It removes from the container's
// process those that are missing in its own bounding set, and then becomes runc:
//
//	dockerd --add-runtime NAME=/path/to/capbound-runtime --default-runtime NAME
//
// Without it, "docker run --privileged" ends there with "unable to apply caps:
// operation not permitted": the engine asks for every capability of the kernel,
// and no process can give what it does not have. Nothing else is changed.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"istio-conformance/internal/machine/host/capability"
)

// runtimeName is the OCI runtime that does the work, looked up in PATH.
const runtimeName = "runc"

func main() {
	err := run(os.Args[1:])
	// The engine shows this line as the reason why the container did not start.
	fmt.Fprintln(os.Stderr, "capbound-runtime:", err)
	os.Exit(1)
}

// run rewrites what the command line names and replaces the process by runc. It
// returns only when that fails.
func run(args []string) error {
	if spec, ok := specOf(args); ok {
		missing, err := capability.Missing("/proc")
		if err != nil {
			return err
		}
		if err := spec.restrict(missing); err != nil {
			return err
		}
	}
	runtime, err := exec.LookPath(runtimeName)
	if err != nil {
		return fmt.Errorf("find the OCI runtime: %w", err)
	}
	if err := syscall.Exec(runtime, append([]string{runtime}, args...), os.Environ()); err != nil {
		return fmt.Errorf("start %s: %w", runtime, err)
	}
	return nil
}
