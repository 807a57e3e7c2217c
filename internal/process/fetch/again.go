package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"time"

	"istio-conformance/internal/process/progress"
)

const (
	// attempts is how often something is tried at most.
	attempts = 3
	// firstWait is how long the second attempt waits; each further one twice as long.
	firstWait = time.Second
	// longestWait is how long a server may ask to wait.
	longestWait = 30 * time.Second
)

// policy tries a request again after an answer, or a failure, that need not come
// twice. It implements retry.Policy.
type policy struct{ logf progress.Logf }

// Retry returns how long to wait; less than 0 means that it is not tried again.
func (p policy) Retry(attempt int, answer *http.Response, err error) (time.Duration, error) {
	const never = -1
	wait := firstWait << attempt
	var why string
	switch {
	case err != nil && Transient(err):
		why = Reason(err)
	case err == nil && temporary(answer.StatusCode):
		why = fmt.Sprintf("%s %s: %s", answer.Request.Method, answer.Request.URL.Redacted(), answer.Status)
		wait = max(wait, retryAfter(answer))
	default:
		return never, nil
	}
	switch {
	case attempt+1 >= attempts:
		return never, nil
	case wait > longestWait:
		p.logf("%s: the server asks to wait %s, which is too long", why, wait)
		return never, nil
	}
	p.logf("%s: attempt %d of %d in %s", why, attempt+2, attempts, wait)
	return wait, nil
}

// temporary says whether a status may be another one the next time.
func temporary(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter is how long the server asks to wait, in seconds or until a time
// (RFC 9110, 10.2.3); 0 where it does not.
func retryAfter(answer *http.Response) time.Duration {
	text := answer.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at).Round(time.Second))
	}
	return 0
}

// Again does something up to three times, as long as it fails for a reason that need
// not come twice, and says so on logf.
func Again(ctx context.Context, logf progress.Logf, what string, again func(error) bool, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == attempts || !again(err) || ctx.Err() != nil {
			return err
		}
		wait := firstWait << (attempt - 1)
		logf("%s: %s: attempt %d of %d in %s", what, Reason(err), attempt+1, attempts, wait)
		if err := Pause(ctx, wait); err != nil {
			return err
		}
	}
}

// CutOff says whether what was read ended too early.
func CutOff(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// Transient says whether a connection failed in a way that need not come twice. A
// host that is unknown or does not answer is no such: trying again only takes time.
func Transient(err error) bool {
	for _, one := range []error{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EPIPE, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// Pause waits, or ends with the context's cause.
func Pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
