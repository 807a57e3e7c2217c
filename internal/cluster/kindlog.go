package cluster

import (
	"fmt"
	"strings"

	"sigs.k8s.io/kind/pkg/log"

	"istio-conformance/internal/process/progress"
)

// kindLogger hands kind's lines for the user to a progress function and drops
// its debugging output.
type kindLogger struct{ logf progress.Logf }

var _ log.Logger = kindLogger{}

func (l kindLogger) Warn(message string)               { l.line("warning: " + message) }
func (l kindLogger) Warnf(format string, args ...any)  { l.Warn(fmt.Sprintf(format, args...)) }
func (l kindLogger) Error(message string)              { l.line("error: " + message) }
func (l kindLogger) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }

// V returns a logger for a verbosity; only 0 is meant for users.
func (l kindLogger) V(level log.Level) log.InfoLogger { return kindInfo{l, level <= 0} }

func (l kindLogger) line(message string) {
	if message = oneLine(message); message != "" {
		l.logf("%s", message)
	}
}

type kindInfo struct {
	kindLogger
	enabled bool
}

func (i kindInfo) Enabled() bool { return i.enabled }

func (i kindInfo) Info(message string) {
	// A step is announced and then ticked off with the same words: one line is enough.
	if i.enabled && !strings.HasPrefix(message, " • ") {
		i.line(message)
	}
}

func (i kindInfo) Infof(format string, args ...any) { i.Info(fmt.Sprintf(format, args...)) }
