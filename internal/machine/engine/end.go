package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"istio-conformance/internal/process/command"
)

const (
	// emptyTimeout is how long the removal of all containers may take.
	emptyTimeout = 2 * time.Minute
	// endTimeout is how long processes may take to end after a signal.
	endTimeout = 30 * time.Second
	// endPoll is how often a process is looked at that should end.
	endPoll = 100 * time.Millisecond
)

// endProcesses ends the daemon, its containers and its helpers. A daemon that
// answers removes its containers and networks itself; one that does not, or does
// not end on SIGTERM, is killed with all that it started.
func (l layout) endProcesses(ctx context.Context) error {
	if err := l.empty(ctx); err != nil {
		return err
	}
	err := l.signal(ctx, syscall.SIGTERM, func(all []process) []process {
		if daemon, ok := l.dockerd(all); ok {
			return []process{daemon}
		}
		return nil
	})
	if ctx.Err() != nil {
		return err
	}
	killErr := l.signal(ctx, syscall.SIGKILL, func(all []process) []process {
		left := l.helpers(all)
		left = append(left, children(all, left)...)
		if daemon, ok := l.dockerd(all); ok {
			left = append(left, daemon)
		}
		return left
	})
	if killErr != nil {
		return errors.Join(err, killErr)
	}
	return nil // what did not end on SIGTERM has ended now
}

// empty removes the containers and networks of a daemon that answers.
func (l layout) empty(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, emptyTimeout, fmt.Errorf("not done within %s", emptyTimeout))
	defer cancel()
	all, err := processes(procDir)
	if err != nil {
		return err
	}
	if _, running := l.dockerd(all); !running {
		return nil
	}
	if _, err := askInfo(ctx, l.host()); ctx.Err() != nil {
		return context.Cause(ctx)
	} else if err != nil {
		return nil // it can not be asked: its processes are ended one by one
	}
	docker := func(args ...string) (string, error) {
		return (&command.Command{Args: append([]string{"docker", "--host", l.host()}, args...)}).Output(ctx)
	}
	ids, err := docker("ps", "--all", "--quiet", "--no-trunc")
	if err != nil {
		return err
	}
	if ids := strings.Fields(ids); len(ids) > 0 {
		if _, err := docker(append([]string{"rm", "--force", "--volumes"}, ids...)...); err != nil {
			return err
		}
	}
	_, err = docker("network", "prune", "--force")
	return err
}

// signal sends a signal to the processes that choose picks, and waits until it
// picks none.
func (l layout) signal(ctx context.Context, sig syscall.Signal, choose func([]process) []process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, endTimeout, fmt.Errorf("still there %s after %v", endTimeout, sig))
	defer cancel()
	tick := time.NewTicker(endPoll)
	defer tick.Stop()
	sent := map[int]bool{}
	for {
		all, err := processes(procDir)
		if err != nil {
			return err
		}
		left := choose(all)
		if len(left) == 0 {
			return nil
		}
		for _, p := range left {
			if sent[p.pid] {
				continue
			}
			sent[p.pid] = true
			if err := syscall.Kill(p.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("send %v to %s (pid %d): %w", sig, p.name(), p.pid, err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("end %s (pid %d): %w", left[0].name(), left[0].pid, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
