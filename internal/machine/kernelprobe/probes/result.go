// Package probes tries on this machine what Istio does with a kernel: the rules
// that it writes, real connections through them, mounts and ports. Every probe
// has network and mount namespaces of its own, which end with it.
package probes

import (
	"regexp"
	"strings"
)

// Status is how a probe ended.
type Status string

// The statuses. CannotTell means that the probe could not be made here, which
// says nothing about the kernel.
const (
	Works      Status = "works"
	Fails      Status = "fails"
	CannotTell Status = "cannot tell"
)

// Result is what a probe saw.
type Result struct {
	Status Status `json:"status"`
	// Command is what was tried, where that is a command.
	Command string `json:"command,omitempty"`
	// Message is what the kernel or the command answered, or why nothing was tried.
	Message string `json:"message,omitempty"`
}

func works(message string) Result { return Result{Status: Works, Message: message} }
func fails(err error) Result      { return Result{Status: Fails, Message: oneLine(err.Error())} }
func cannotTell(reason string) Result {
	return Result{Status: CannotTell, Message: oneLine(reason)}
}

// notTheKernel matches the answers of a command that lacks a permission, or its
// own part of an extension: they say nothing about the kernel.
var notTheKernel = regexp.MustCompile(`(?i)permission denied|operation not permitted|couldn't load (match|target)|unknown option|unrecognized option|bad argument|syntax error|executable file not found|xtables lock`)

// judge turns the outcome of a command into a result.
func judge(command, output string, err error) Result {
	result := Result{Status: Works, Command: command}
	if err == nil {
		return result
	}
	result.Status, result.Message = Fails, oneLine(output)
	if result.Message == "" || !strings.Contains(err.Error(), "exit status") {
		result.Message = oneLine(output + " " + err.Error())
	}
	if !strings.Contains(err.Error(), "exit status") || notTheKernel.MatchString(result.Message) {
		result.Status = CannotTell
	}
	return result
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
