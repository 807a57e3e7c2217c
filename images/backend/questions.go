package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log"
	"net/http"
	"sync"
	"time"
)

// question is a request that this pod sends as any client in its place:
//
//	POST /questions   takes a list of questions, answers with the list of outcomes
type question struct {
	// URL says where the connection goes; Host is the Host header, and the name that
	// TLS is asked for. Whose certificate is shown does not matter.
	URL    string `json:"url"`
	Host   string `json:"host,omitempty"`
	Method string `json:"method,omitempty"`
	// Headers are the request's.
	Headers map[string]string `json:"headers,omitempty"`
	// Milliseconds is how long it may take; 0 is as long as a request that is sent on.
	Milliseconds int64 `json:"milliseconds,omitempty"`
}

// atOnce is how many questions are asked at the same time.
const atOnce = 8

// serveQuestions asks all questions of the body.
func serveQuestions(w http.ResponseWriter, r *http.Request) {
	var questions []question
	if err := json.NewDecoder(r.Body).Decode(&questions); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, outcomes := r.Context(), make([]outcome, len(questions))
	places := make(chan struct{}, atOnce)
	var wait sync.WaitGroup
	for i, q := range questions {
		places <- struct{}{}
		wait.Go(func() {
			outcomes[i] = q.ask(ctx)
			<-places
		})
	}
	wait.Wait()
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(outcomes); err != nil {
		log.Printf("answer questions: %v", err)
	}
}

// ask sends the request.
func (q *question) ask(ctx context.Context) outcome {
	request, err := http.NewRequestWithContext(ctx, q.Method, q.URL, http.NoBody)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	for name, value := range q.Headers {
		request.Header.Set(name, value)
	}
	request.Host = q.Host
	timeout := forwardTimeout
	if q.Milliseconds > 0 {
		timeout = time.Duration(q.Milliseconds) * time.Millisecond
	}
	return send(request, timeout, &tls.Config{ServerName: q.Host, InsecureSkipVerify: true}) //nolint:gosec // whose certificate it is, the outcome says
}
