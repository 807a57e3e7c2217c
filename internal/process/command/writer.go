package command

import (
	"bytes"
	"io"
	"sync"
)

// lockedWriter lets standard output and standard error share one buffer.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// lineWriter passes on what is written to it, without the lines that take is given
// and keeps. A nil take keeps none.
type lineWriter struct {
	w    io.Writer
	take func(line string) bool
	rest []byte // a line that has no end yet
}

func (l *lineWriter) Write(p []byte) (int, error) {
	if l.take == nil {
		return l.w.Write(p)
	}
	l.rest = append(l.rest, p...)
	for {
		end := bytes.IndexByte(l.rest, '\n') + 1
		if end == 0 {
			return len(p), nil
		}
		if line := l.rest[:end]; !l.take(string(line[:end-1])) {
			if _, err := l.w.Write(line); err != nil {
				return 0, err
			}
		}
		l.rest = l.rest[end:]
	}
}

// flush passes on a last line without an end.
func (l *lineWriter) flush() error {
	_, err := l.w.Write(l.rest)
	l.rest = nil
	return err
}
