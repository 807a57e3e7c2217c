package probe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// RawResult is what came back for bytes that need not be HTTP.
type RawResult struct {
	// Statuses are of the final responses that could be read one after another.
	Statuses []int
	// Data is everything that came.
	Data []byte
	// Ended says that the peer closed the connection, by whatever means; otherwise
	// the time was over.
	Ended bool
	// Duration is until the end of the connection or of the time.
	Duration time.Duration
}

// Raw opens a connection to an address, writes the bytes as they are and reads
// until the peer ends the connection or the time is over. That the peer resets
// the connection while it is written is no error: servers do that to bytes that
// they do not like.
func Raw(ctx context.Context, address string, data []byte, timeout time.Duration) (RawResult, error) {
	started := time.Now()
	var result RawResult
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return result, fmt.Errorf("connect to %s: %w", address, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer func() {
		stop()
		_ = connection.Close()
	}()
	if err := connection.SetDeadline(started.Add(timeout)); err != nil {
		return result, err
	}
	if _, err := connection.Write(data); err != nil && !ended(err) {
		return result, fmt.Errorf("write to %s: %w", address, err)
	}
	result.Data, err = io.ReadAll(io.LimitReader(connection, bodyLimit))
	result.Duration = time.Since(started)
	switch {
	case err == nil, ended(err):
		result.Ended = true
	case errors.Is(err, os.ErrDeadlineExceeded):
	default:
		return result, fmt.Errorf("read from %s: %w", address, because(ctx, err))
	}
	result.Statuses = statuses(result.Data)
	return result, nil
}

// String is one line for a failed check.
func (r RawResult) String() string {
	how := "open"
	if r.Ended {
		how = "ended"
	}
	return fmt.Sprintf("statuses %v, connection %s after %s: %.200q", r.Statuses, how, r.Duration.Round(time.Millisecond), r.Data)
}

func ended(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// statuses reads responses of HTTP/1.1 one after another; interim ones are passed
// over, and what is no response ends it.
func statuses(data []byte) []int {
	reader := bufio.NewReader(bytes.NewReader(data))
	var found []int
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return found
		}
		// A body that breaks off ends it at the next response.
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode >= http.StatusOK {
			found = append(found, response.StatusCode)
		}
	}
}
