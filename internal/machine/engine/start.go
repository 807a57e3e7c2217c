package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"istio-conformance/internal/process/progress"
)

const (
	// startTimeout is how long a daemon may take until it answers. It takes one
	// or two seconds; after a power cut it first checks its images.
	startTimeout = 2 * time.Minute
	// startPoll is how often a daemon that is starting is asked.
	startPoll = 200 * time.Millisecond
	// logTail is how many lines of its log explain why a daemon ended.
	logTail = 8
)

// start starts the private engine of the layout and waits until it answers.
func (l layout) start(ctx context.Context, capbound bool) (Info, error) {
	for _, dir := range []string{l.data, l.runtime} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Info{}, fmt.Errorf("create the engine's directory: %w", err)
		}
	}
	if capbound {
		if err := buildCapbound(ctx, l.capbound()); err != nil {
			return Info{}, err
		}
	}
	if err := l.daemonConfig(capbound).write(l.config()); err != nil {
		return Info{}, err
	}
	if err := l.makeModulesDir(modulesDir, progress.Discard); err != nil {
		return Info{}, err
	}
	if err := recordNetwork(ctx, l.before()); err != nil {
		return Info{}, err
	}
	ended, err := l.spawn()
	if err != nil {
		return Info{}, err
	}
	info, err := l.awaitAnswer(ctx, ended)
	if err != nil {
		// A run that was interrupted must clean up all the same.
		return Info{}, errors.Join(err, l.stop(context.WithoutCancel(ctx)))
	}
	return info, nil
}

// spawn starts the daemon as a session of its own that holds nothing of this
// process: neither its terminal, nor its output, nor a descriptor that this
// process inherited itself. A daemon that kept the caller's output open would
// keep a pipeline like "make e2e | tee log" from ever ending. The channel gets
// the reason why the daemon ended.
func (l layout) spawn() (<-chan error, error) {
	log, err := os.Create(l.log())
	if err != nil {
		return nil, fmt.Errorf("create the engine's log: %w", err)
	}
	if err := closeInheritedOnExec(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	// Not bound to a context: the engine outlives the run that starts it.
	daemon := exec.Command("dockerd", configFlag(l.config())) //nolint:noctx // see above
	daemon.Stdout, daemon.Stderr = log, log                   // and no Stdin: /dev/null
	daemon.Dir = "/"
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := daemon.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start dockerd: %w", err), log.Close())
	}
	ended := make(chan error, 1)
	go func() {
		err := daemon.Wait()
		if err == nil {
			err = errors.New("exit status 0")
		}
		ended <- err
	}()
	return ended, log.Close()
}

// closeInheritedOnExec keeps the descriptors above standard error that this
// process was started with from being passed on; Go marks its own that way.
func closeInheritedOnExec() error {
	open, err := os.ReadDir(procDir + "/self/fd")
	if err != nil {
		return fmt.Errorf("list this process's open files: %w", err)
	}
	for _, entry := range open {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}

// awaitAnswer waits until the daemon answers, ends, or takes too long.
func (l layout) awaitAnswer(ctx context.Context, ended <-chan error) (Info, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("no answer within %s", startTimeout))
	defer cancel()
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		info, err := askInfo(ctx, l.host())
		if err == nil {
			return info, nil
		}
		select {
		case exit := <-ended:
			return Info{}, fmt.Errorf("dockerd ended while it started: %w, log %s:%s", exit, l.log(), l.logTail())
		case <-ctx.Done():
			return Info{}, fmt.Errorf("wait for dockerd: %w; last answer: %w; log %s:%s", context.Cause(ctx), err, l.log(), l.logTail())
		case <-tick.C:
		}
	}
}

// logTail returns the last lines of the daemon's log, each indented.
func (l layout) logTail() string {
	content, err := os.ReadFile(l.log())
	if err != nil {
		return " " + err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) > logTail {
		lines = lines[len(lines)-logTail:]
	}
	return "\n  " + strings.Join(lines, "\n  ")
}
