package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"strings"
)

var response = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok")

// serve answers every request at once with the same bytes: the cheaper the
// server, the more a generator shows of itself. It ends with its input.
func serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return // the process ends
			}
			go answer(c)
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, listener.Close())
}

func answer(c net.Conn) {
	defer func() { _ = c.Close() }() // Harmless: the peer has gone.
	buffer := make([]byte, 8192)
	have := 0
	for {
		n, err := c.Read(buffer[have:])
		if err != nil {
			return
		}
		have += n
		for {
			end := bytes.Index(buffer[:have], []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			have = copy(buffer, buffer[end+4:have])
			if _, err := c.Write(response); err != nil {
				return
			}
		}
		if have == len(buffer) {
			log.Print("serve: a request is too long")
			return
		}
	}
}

// server is the process that serves.
type server struct {
	command *exec.Cmd
	input   io.Closer
	url     string
}

func startServer(ctx context.Context) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{command: exec.CommandContext(ctx, self, "serve")}
	s.command.Stderr = os.Stderr
	if s.input, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := s.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the server did not say its address: %w", err)
	}
	s.url = "http://" + strings.TrimSpace(line) + "/"
	return s, nil
}

func (s *server) stop() error { return errors.Join(s.input.Close(), s.command.Wait()) }
