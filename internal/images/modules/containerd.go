package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// containerdStart is how long containerd may take to listen.
	containerdStart = 30 * time.Second
	// containerdStop is how long it may take to end before it is killed.
	containerdStop = 30 * time.Second
	// containerdPoll is how often the socket is tried.
	containerdPoll = 20 * time.Millisecond
)

// disabledPlugins run containers or touch the machine outside the state
// directory; storing images needs none of them. The native snapshotter stays,
// because the database does not open without any.
var disabledPlugins = []string{
	"io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
	"io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.restart",
	"io.containerd.snapshotter.v1.overlayfs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
	"io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.erofs",
}

// containerd is a running containerd with a private state directory.
type containerd struct {
	address string
	cancel  context.CancelFunc
	ended   chan error
	output  bytes.Buffer // read only after ended
	runDir  string
}

// startContainerd starts the containerd in the directory bin on the state
// directory root and waits until it answers.
func startContainerd(ctx context.Context, bin, root string) (*containerd, error) {
	// Not below root: the path of a socket is limited to 107 bytes.
	runDir, err := os.MkdirTemp("", "containerd-")
	if err != nil {
		return nil, fmt.Errorf("start containerd: %w", err)
	}
	c := &containerd{address: filepath.Join(runDir, "sock"), ended: make(chan error, 1), runDir: runDir}
	config := filepath.Join(runDir, "config.toml")
	if err := os.WriteFile(config, []byte(c.config(root)), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("configure containerd: %w", err), os.RemoveAll(runDir))
	}
	run, cancel := context.WithCancel(ctx)
	c.cancel = cancel
	cmd := exec.CommandContext(run, filepath.Join(bin, "containerd"), "--config", config)
	cmd.Stdout, cmd.Stderr = &c.output, &c.output
	// A process group of its own: a Ctrl-C at the terminal is not for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = containerdStop
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("start containerd: %w", err), os.RemoveAll(runDir))
	}
	go func() { c.ended <- cmd.Wait() }()
	if err := c.waitReady(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

func (c *containerd) config(root string) string {
	return fmt.Sprintf("version = 3\nroot = %q\nstate = %q\ndisabled_plugins = [%s]\n[grpc]\naddress = %q\nuid = %d\ngid = %d\n[ttrpc]\naddress = %q\nuid = %d\ngid = %d\n",
		root, filepath.Join(c.runDir, "state"), `"`+strings.Join(disabledPlugins, `", "`)+`"`,
		c.address, os.Getuid(), os.Getgid(), c.address+".ttrpc", os.Getuid(), os.Getgid())
}

// waitReady waits until the socket accepts connections.
func (c *containerd) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, containerdStart)
	defer cancel()
	tick := time.NewTicker(containerdPoll)
	defer tick.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "unix", c.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case ended := <-c.ended:
			c.ended <- nil // for stop
			if ended == nil {
				ended = errors.New("exit status 0")
			}
			return fmt.Errorf("containerd ended as it started: %w: %s", ended, lastLine(c.output.String()))
		case <-ctx.Done():
			return fmt.Errorf("containerd does not listen on %s within %s: %w", c.address, containerdStart, err)
		case <-tick.C:
		}
	}
}

// stop ends containerd and waits until it is gone: its database is complete
// only then.
func (c *containerd) stop() error {
	c.cancel()
	err := <-c.ended
	if errors.Is(err, context.Canceled) {
		err = nil // it has obeyed
	}
	if err != nil {
		err = fmt.Errorf("stop containerd: %w: %s", err, lastLine(c.output.String()))
	}
	return errors.Join(err, os.RemoveAll(c.runDir))
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
