// Package exitcode is the contract between the harness and whoever gates on it:
// every error that ends a run carries the exit status it stands for.
package exitcode

import (
	"errors"
	"fmt"
)

// Exit statuses of the command and of the e2e test binary.
const (
	// Pass means that every check held.
	Pass = 0
	// Fail means that at least one check failed.
	Fail = 1
	// Usage means bad flags or configuration; nothing was touched.
	Usage = 2
	// Environment means that the environment of the checks could not be built.
	Environment = 3
	// Invalid means that a measurement that must be judged was invalid or inconclusive.
	Invalid = 4
)

// codedError is an error with the exit status it stands for.
type codedError struct {
	code int
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }
func (e *codedError) Unwrap() error { return e.err }

// Usagef returns an error that ends the run with status Usage. The message is
// one line: what is wrong, where, the allowed values, what to do.
func Usagef(format string, args ...any) error {
	return &codedError{Usage, fmt.Errorf(format, args...)}
}

// Environmentf returns an error that ends the run with status Environment.
func Environmentf(format string, args ...any) error {
	return &codedError{Environment, fmt.Errorf(format, args...)}
}

// Failf returns an error that ends the run with status Fail.
func Failf(format string, args ...any) error {
	return &codedError{Fail, fmt.Errorf(format, args...)}
}

// Invalidf returns an error that ends the run with status Invalid.
func Invalidf(format string, args ...any) error {
	return &codedError{Invalid, fmt.Errorf(format, args...)}
}

// Of returns the exit status of err: Pass for nil, the status it was made with,
// and Environment for an error that carries none.
func Of(err error) int {
	if err == nil {
		return Pass
	}
	var coded *codedError
	if errors.As(err, &coded) {
		return coded.code
	}
	return Environment
}
