package cluster

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/kind/pkg/exec"
)

const (
	lastLines = 12
	// saveLogsTime bounds the collection of logs: broken nodes may not answer.
	saveLogsTime = 90 * time.Second
)

// noise matches the lines of kubeadm, which kind runs with --v=6, that say
// nothing to a user: empty ones, klog's information, and the Go stack trace at
// the end (a function's name, or an indented file and line).
var noise = regexp.MustCompile(`^(\s*|I\d{4} .*|[\w./*()-]+\.[\w.()*]+|\s+\S+\.(go|s):\d+)$`)

// lastWords returns what the command that failed in kind printed last, each
// line indented; "" when it printed nothing.
func lastWords(err error) string {
	run := exec.RunErrorForError(err)
	if run == nil {
		return ""
	}
	return tail(string(run.Output))
}

// nodesLastWords returns what the nodes' consoles showed last: the reason when a
// node does not start, for which kind has only a time-out.
func nodesLastWords(ctx context.Context, o *Options) string {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	nodes, err := containers(ctx, o.Engine, o.Name)
	if err != nil {
		return ""
	}
	var words strings.Builder
	for _, node := range ours(nodes) {
		// The console is a terminal, so all of it comes on standard output.
		out, err := o.Engine.CLI(ctx, "logs", "--tail", strconv.Itoa(lastLines), node.ID)
		if err != nil {
			out = err.Error()
		}
		fmt.Fprintf(&words, "\nconsole of node %s (%s):%s", node.Name, node.State.Status, tail(out))
	}
	return words.String()
}

// tail returns the last lines of output without noise, each indented.
func tail(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if !noise.MatchString(line) {
			lines = append(lines, "\n  "+strings.TrimSpace(line))
		}
	}
	if len(lines) > lastLines {
		lines = lines[len(lines)-lastLines:]
	}
	return strings.Join(lines, "")
}

// saveLogs saves kind's logs of the nodes to LogsDir and returns the end of the
// error message: where they are, or why there are none.
func saveLogs(ctx context.Context, o *Options) string {
	if o.LogsDir == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, saveLogsTime)
	defer cancel()
	o.Logf("saving the logs of the nodes to %s", o.LogsDir)
	provider, err := onEngine(o.Engine, o.Logf)
	if err != nil {
		return fmt.Sprintf("\nno logs of the nodes: %v", err)
	}
	done := make(chan error, 1)
	// A collection that hangs ends with the removal of the nodes that follows.
	go func() { done <- provider.CollectLogs(o.Name, o.LogsDir) }()
	select {
	case err := <-done:
		if err != nil {
			// Broken nodes make dozens of errors; the beginning says enough.
			return fmt.Sprintf("\nlogs of the nodes, incomplete (%.200s): %s", strings.TrimLeft(oneLine(err.Error()), "["), o.LogsDir)
		}
		return "\nlogs of the nodes: " + o.LogsDir
	case <-ctx.Done():
		return fmt.Sprintf("\nlogs of the nodes, incomplete (%v): %s", context.Cause(ctx), o.LogsDir)
	}
}
