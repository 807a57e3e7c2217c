package command

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Interruptible returns a program that, when ctx ends, is interrupted as a user would
// do it, and then has the grace time to remove what it made. It is in a process group of
// its own: an interrupt at the terminal reaches it once, through ctx.
func Interruptible(ctx context.Context, grace time.Duration, args ...string) *exec.Cmd {
	program := exec.CommandContext(ctx, args[0], args[1:]...)
	program.Cancel = func() error { return program.Process.Signal(os.Interrupt) }
	program.WaitDelay = grace
	program.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return program
}
