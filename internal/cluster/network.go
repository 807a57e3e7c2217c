package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"istio-conformance/internal/process/command"
)

// ExecInNetwork runs a program of this machine in a node's network namespace and
// returns its standard output; with an error of exec.ExitError the status that
// the program ended with. The program must be static.
//
// As root on the machine that runs the engine it enters nothing but the network
// namespace: its threads are scheduled as this machine's own, and may be given
// real-time priority, which the kernel denies to a container's cgroup where it
// divides real-time (CONFIG_RT_GROUP_SCHED). Elsewhere it is run in the node, see
// ExecFile. how says which it was, for a report.
func (c *Cluster) ExecInNetwork(ctx context.Context, node, program string, args ...string) (out, how string, err error) {
	if _, err := c.node(node); err != nil {
		return "", "", err
	}
	namespace := c.localNetwork(ctx, node)
	if namespace == "" {
		out, err = c.ExecFile(ctx, node, program, args...)
		return out, "a program inside node " + node, err
	}
	run := command.Command{Args: append([]string{"nsenter", "--net=" + namespace, "--", program}, args...)}
	out, err = run.Output(ctx)
	if err != nil {
		err = fmt.Errorf("network of node %s: %w", node, err)
	}
	return out, "this machine, in the network namespace of node " + node, err
}

// RunHere runs a program of this machine on it, and says so in how.
func RunHere(ctx context.Context, program string, args ...string) (out, how string, err error) {
	out, err = (&command.Command{Args: append([]string{program}, args...)}).Output(ctx)
	return out, "this machine", err
}

// localNetwork returns the file of the node's network namespace when this process
// may enter it; empty when it may not, or when the node is on another machine.
func (c *Cluster) localNetwork(ctx context.Context, node string) string {
	if os.Geteuid() != 0 {
		return ""
	}
	pid, err := c.engine.CLI(ctx, "inspect", "--type=container", "--format", "{{.State.Pid}}", node)
	if err != nil {
		return ""
	}
	process := filepath.Join("/proc", strings.TrimSpace(pid))
	// The process of that number is the node's only if its host name is.
	name, err := os.ReadFile(filepath.Join(process, "root/etc/hostname"))
	if err != nil || strings.TrimSpace(string(name)) != node {
		return ""
	}
	return filepath.Join(process, "ns/net")
}

// UserlandProxy says whether a port of this machine leads through a process of the
// container engine that copies every byte (docker-proxy), as ports published on a
// loopback address do: the engine's address translation does not apply to them.
func UserlandProxy(port int) bool {
	return userlandProxy("/proc", port)
}

func userlandProxy(proc string, port int) bool {
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "cmdline"))
	if err != nil {
		return false // Unreachable: the pattern is well-formed.
	}
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // the process has ended
		}
		args := strings.Split(string(line), "\x00")
		if filepath.Base(args[0]) != "docker-proxy" {
			continue
		}
		for i, arg := range args {
			if arg == "-host-port" && i+1 < len(args) && args[i+1] == strconv.Itoa(port) {
				return true
			}
		}
	}
	return false
}
