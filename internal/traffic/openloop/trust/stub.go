package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"istio-conformance/internal/traffic/openloop"
)

// stubCommand is the first argument of the process that plays the server.
const stubCommand = "stub"

// stub is a server of HTTP/1.1 whose delay is known: it waits on a thread of its
// own for each connection, with the kernel's precision, and counts how long it
// really held each request.
type stub struct {
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
	// URL is where it answers; its query is a delay, as in "?100us".
	URL string
}

func startStub(ctx context.Context, args ...string) (*stub, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &stub{command: exec.CommandContext(ctx, self, append([]string{stubCommand}, args...)...)}
	s.command.Stderr = os.Stderr
	if s.input, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("start the stub: %w", err)
	}
	s.output = bufio.NewReader(output)
	address, err := s.output.ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the stub did not say its address: %w", err), s.command.Wait())
	}
	s.URL = "http://" + strings.TrimSpace(address) + "/"
	return s, nil
}

// held asks for the histogram of how long requests were held since the last time.
func (s *stub) held() (*openloop.Histogram, error) {
	if _, err := io.WriteString(s.input, "\n"); err != nil {
		return nil, err
	}
	line, err := s.output.ReadBytes('\n')
	if err != nil {
		return nil, err
	}
	h := openloop.NewHistogram()
	return h, json.Unmarshal(line, h)
}

// stop ends the process, which waits for the end of its input.
func (s *stub) stop() error { return errors.Join(s.input.Close(), s.command.Wait()) }

// with returns the stub's URL for a delay.
func (s *stub) with(delay time.Duration) string {
	return fmt.Sprintf("%s?%d", s.URL, delay.Nanoseconds())
}
