// Package planes runs control planes as plain processes of this machine: an API server
// with its etcd, and istiod. There are no nodes and no pods; what they would be is written
// to the API server.
package planes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"istio-conformance/internal/process/command"
)

// readyTime is how long a process may take until it answers, also on a busy machine.
const readyTime = 2 * time.Minute

// poll is how often a process that starts is asked whether it is ready.
const poll = 100 * time.Millisecond

// process is a program that runs until it is stopped.
type process struct {
	name   string
	log    string
	cancel context.CancelFunc
	ended  chan struct{}
	err    error
}

// start starts a program in dir, with its output in a file there.
func start(ctx context.Context, name, dir string, env []string, args ...string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &process{name: name, log: log.Name(), cancel: cancel, ended: make(chan struct{})}
	write := func(line string) bool {
		// Who reads the file is told of what is missing by the process's own end.
		_, _ = fmt.Fprintln(log, strings.TrimRight(line, "\n"))
		return false
	}
	c := &command.Command{Args: args, Dir: dir, Env: env, Kill: true, Stdout: log, Take: write}
	go func() {
		defer close(p.ended)
		_, err := c.Output(ctx)
		p.err = errors.Join(err, log.Close())
	}()
	return p, nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	if p == nil {
		return
	}
	p.cancel()
	<-p.ended
}

// ready waits until asked says that the process is ready. A process that ends before is
// an error with its last words.
func (p *process) ready(ctx context.Context, asked func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	for {
		err := asked(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready: %s", p.name, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s: not ready after %s: %w; it said last: %s", p.name, readyTime, err, p.lastWords())
		case <-ticker.C:
		}
	}
}

// lastWords are the last lines of a process's output, as one.
func (p *process) lastWords() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-3):], []byte(" | ")))
}

// freePorts are TCP ports of 127.0.0.1 that nobody listens on.
func freePorts(ctx context.Context, n int) ([]int, error) {
	var ports []int
	var listeners []net.Listener
	var errs []error
	for range n {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			errs = append(errs, err)
			break
		}
		listeners = append(listeners, l)
		if a, ok := l.Addr().(*net.TCPAddr); ok {
			ports = append(ports, a.Port)
		}
	}
	for _, l := range listeners {
		errs = append(errs, l.Close())
	}
	return ports, errors.Join(errs...)
}
