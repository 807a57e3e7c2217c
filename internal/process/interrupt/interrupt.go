// Package interrupt says which signals end a program that has to tidy up before.
package interrupt

import (
	"os"
	"os/signal"
	"syscall"
)

// Signals are Ctrl-C, SIGTERM and the SIGHUP of a terminal that is closed. nohup has
// that ignored, and then it stays so.
func Signals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}
