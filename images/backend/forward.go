package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// forwardTimeout bounds a request that is sent on.
	forwardTimeout = 10 * time.Second
	// statusNotForwarded answers a request that could not be sent on.
	statusNotForwarded = 599
)

// onward sends requests to other services. It is a client as any other in the
// mesh: its connections go through the pod's own sidecar.
var onward = &http.Client{Timeout: forwardTimeout}

// forward asks another service and returns its status; a failure is told apart
// from an answer by the error. The method is one that Go's client does not send
// again by itself: a lost request must be seen.
func forward(ctx context.Context, url string) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	response, err := onward.Do(request)
	if err != nil {
		return 0, err
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return response.StatusCode, response.Body.Close()
}
