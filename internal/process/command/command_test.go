package command

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestOutput(t *testing.T) {
	g := gomega.NewWithT(t)
	out, err := (&Command{Args: []string{"sh", "-c", "cat; echo $GREETING; echo aside >&2"}, Env: []string{"GREETING=hello"}, Stdin: strings.NewReader("in\n")}).Output(t.Context())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(out).To(gomega.Equal("in\nhello\n"))
}

func TestStdoutIsCopied(t *testing.T) {
	g := gomega.NewWithT(t)
	var copied bytes.Buffer
	_, err := (&Command{Args: []string{"echo", "seen"}, Stdout: &copied}).Output(t.Context())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(copied.String()).To(gomega.Equal("seen\n"))
}

func TestDefaultsYield(t *testing.T) {
	g := gomega.NewWithT(t)
	t.Setenv("CHOSEN", "by the user")
	c := Command{Args: []string{"sh", "-c", "echo $CHOSEN, $LEFT, $FIXED"}, Defaults: []string{"CHOSEN=here", "LEFT=here"}, Env: []string{"FIXED=here"}}
	g.Expect(c.Output(t.Context())).To(gomega.Equal("by the user, here, here\n"))
}

func TestFailureRepeatsTheLastLines(t *testing.T) {
	g := gomega.NewWithT(t)
	err := Run(t.Context(), "sh", "-c", "seq 100; echo the cause >&2; exit 3")
	g.Expect(err).To(gomega.MatchError(gomega.And(
		gomega.ContainSubstring("exit status 3"), gomega.ContainSubstring("the cause"), gomega.ContainSubstring("100"), gomega.Not(gomega.ContainSubstring("\n  42\n")))))
	g.Expect(Run(t.Context(), "false")).To(gomega.MatchError(gomega.ContainSubstring("with no output")))
	g.Expect(Run(t.Context(), "no-such-program-anywhere")).To(gomega.MatchError(gomega.ContainSubstring("executable file not found")))
}

func TestCancelEndsTheWholeProcessGroup(t *testing.T) {
	g := gomega.NewWithT(t)
	cause := errors.New("asked to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	started := &signalling{wrote: make(chan struct{})}
	done := make(chan error, 1)
	go func() {
		// The child of the shell holds the pipe open: Output returns only when it ends too.
		_, err := (&Command{Args: []string{"sh", "-c", "tail -f /dev/null & echo up; wait"}, Stdout: started}).Output(ctx)
		done <- err
	}()
	<-started.wrote
	cancel(cause)
	g.Expect(<-done).To(gomega.MatchError(cause))
}

// signalling closes wrote at the first write.
type signalling struct {
	wrote chan struct{}
	once  bool
}

func (s *signalling) Write(p []byte) (int, error) {
	if !s.once {
		s.once = true
		close(s.wrote)
	}
	return len(p), nil
}

func TestTakenLinesAreNotRepeated(t *testing.T) {
	g := gomega.NewWithT(t)
	var taken []string
	c := Command{Args: []string{"sh", "-c", "for i in $(seq 30); do echo pkg/$i >&2; done; echo the cause >&2; seq 40 49 >&2; printf 'no end' >&2; exit 1"}}
	c.Take = func(line string) bool {
		taken = append(taken, line)
		return strings.HasPrefix(line, "pkg/")
	}
	_, err := c.Output(t.Context())
	g.Expect(err).To(gomega.MatchError(gomega.And(
		gomega.ContainSubstring("the cause"), gomega.ContainSubstring("no end"), gomega.Not(gomega.ContainSubstring("pkg/29")))))
	g.Expect(taken).To(gomega.ContainElements("pkg/1", "pkg/30", "the cause", "49"))
}
