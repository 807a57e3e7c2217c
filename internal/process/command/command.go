// Package command runs other programs so that a failure says which command
// failed, how long it ran and what it printed last.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tailLines is how many lines of a failed command's output its error repeats.
const tailLines = 12

// killGrace is how long a cancelled command may take to end after SIGTERM
// before it is killed.
const killGrace = 10 * time.Second

// Command is a program to run. The zero value of every field but Args is usable.
type Command struct {
	// Args holds the program and its arguments.
	Args []string
	// Dir is the working directory; empty means the caller's.
	Dir string
	// Defaults are variables that the caller's environment goes before; Env goes
	// before both.
	Defaults, Env []string
	// Stdin is what the program reads; nil means nothing.
	Stdin io.Reader
	// Stdout receives standard output as well as Output's result; may be nil.
	Stdout io.Writer
	// Take is given each line of standard error as it comes, and reports whether
	// the line is only for it: an error does not repeat such lines. May be nil.
	Take func(line string) bool
	// Kill ends the program at once when the context ends: it has nothing to save.
	Kill bool
}

// Run runs a program and discards what it prints, unless it fails.
func Run(ctx context.Context, args ...string) error {
	_, err := (&Command{Args: args}).Output(ctx)
	return err
}

// Output runs a program and returns its standard output.
func Output(ctx context.Context, args ...string) (string, error) {
	return (&Command{Args: args}).Output(ctx)
}

// Output runs the command in a process group of its own, so that a Ctrl-C at
// the terminal reaches the harness alone and the harness decides what ends.
// When ctx ends the whole group gets SIGTERM and, after a grace time, SIGKILL.
// The error of a failed command holds the last lines it printed.
func (c *Command) Output(ctx context.Context) (string, error) {
	var stdout, both bytes.Buffer
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = slices.Concat(c.Defaults, os.Environ(), c.Env)
	cmd.Stdin = c.Stdin
	shared := &lockedWriter{w: &both}
	writers := []io.Writer{&stdout, shared}
	if c.Stdout != nil {
		writers = append(writers, c.Stdout)
	}
	cmd.Stdout = io.MultiWriter(writers...)
	errs := &lineWriter{w: shared, take: c.Take}
	cmd.Stderr = errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	end := syscall.SIGTERM
	if c.Kill {
		end = syscall.SIGKILL
	}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, end) }
	cmd.WaitDelay = killGrace
	started := time.Now()
	err := errors.Join(cmd.Run(), errs.flush())
	if ctx.Err() != nil && cmd.Process != nil {
		// What ignored SIGTERM must not outlive the run. The group may be gone.
		stopped := fmt.Errorf("%s: stopped after %s: %w", c.name(), since(started), context.Cause(ctx))
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return stdout.String(), errors.Join(stopped, err)
		}
		return stdout.String(), stopped
	}
	if err != nil {
		return stdout.String(), fmt.Errorf("%s: %w after %s%s", c.name(), err, since(started), tail(both.String()))
	}
	return stdout.String(), nil
}

// name is the command line, cut to what helps in an error.
func (c *Command) name() string {
	const limit = 160
	line := strings.Join(c.Args, " ")
	if len(line) > limit {
		line = line[:limit] + "..."
	}
	return line
}

func since(t time.Time) time.Duration { return time.Since(t).Round(10 * time.Millisecond) }

// tail returns the last lines of output, each indented below the error.
func tail(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	if len(lines) == 1 && lines[0] == "" {
		return ", with no output"
	}
	return ":\n  " + strings.Join(lines, "\n  ")
}
