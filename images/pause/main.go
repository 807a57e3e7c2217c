// Command pause holds the namespaces of a pod: it waits for a signal to end,
// and reaps the processes that a shared process namespace leaves to it.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for s := range signals {
		if s != syscall.SIGCHLD {
			return
		}
		if err := reap(); err != nil {
			fmt.Fprintf(os.Stderr, "reap: %v\n", err)
		}
	}
}

// reap collects every child that has ended; several may share one SIGCHLD.
func reap() error {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.ECHILD):
			return nil
		case err != nil:
			return err
		case pid == 0:
			return nil
		}
	}
}
