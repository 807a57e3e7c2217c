package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// question is a request that this pod sends as any client in its place:
//
//	POST /questions   takes a list of questions, answers with the list of outcomes
type question struct {
	// URL says where the connection goes, by http, https, gRPC (grpc, and grpcs over TLS) or
	// with bytes (tcp); Host is the Host header, and the name that
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

// ask sends the request by the protocol that its URL names.
func (q *question) ask(ctx context.Context) outcome {
	timeout := forwardTimeout
	if q.Milliseconds > 0 {
		timeout = time.Duration(q.Milliseconds) * time.Millisecond
	}
	if address, found := strings.CutPrefix(q.URL, "tcp://"); found {
		return talk(ctx, address, timeout)
	}
	address, call := strings.CutPrefix(q.URL, "grpc")
	var body io.Reader = http.NoBody
	transport := &http.Transport{TLSClientConfig: &tls.Config{ServerName: q.Host, InsecureSkipVerify: true}} //nolint:gosec // whose certificate it is, the outcome says
	if call {
		body, transport.Protocols = strings.NewReader(emptyMessage), new(http.Protocols)
		transport.Protocols.SetHTTP2(true)
		transport.Protocols.SetUnencryptedHTTP2(true)
		q.URL, q.Method = "http"+address, http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, q.Method, q.URL, body)
	if err != nil {
		return outcome{Error: err.Error()}
	}
	if call {
		request.Header.Set("Content-Type", "application/grpc")
		request.Header.Set("Te", "trailers")
	}
	for name, value := range q.Headers {
		request.Header.Set(name, value)
	}
	request.Host = q.Host
	o := send(request, timeout, transport)
	if call {
		o.Body = message(o.Body)
	}
	return o
}

// emptyMessage is a message without a field as gRPC frames it: not compressed, of length 0.
const emptyMessage = "\x00\x00\x00\x00\x00"

// message is the text in a framed message of a gRPC answer; the body itself where that is
// none of this backend's.
func message(body string) string {
	text := new(wrapperspb.StringValue)
	if len(body) < len(emptyMessage) || proto.Unmarshal([]byte(body[len(emptyMessage):]), text) != nil {
		return body
	}
	return text.GetValue()
}

// talk opens a connection, says nothing but an empty line, and reads what comes back until
// the other side ends it.
func talk(ctx context.Context, address string, timeout time.Duration) outcome {
	started := time.Now()
	body, err := func() (string, error) {
		connection, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
		if err != nil {
			return "", err
		}
		// What was to be read is read.
		defer func() { _ = connection.Close() }()
		if err := connection.SetDeadline(time.Now().Add(timeout)); err != nil {
			return "", err
		}
		if _, err := fmt.Fprintln(connection); err != nil {
			return "", err
		}
		if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
			return "", err
		}
		content, err := io.ReadAll(io.LimitReader(connection, maxBody))
		if err == nil && len(content) == 0 {
			err = io.EOF
		}
		return string(content), err
	}()
	o := outcome{Body: body, Milliseconds: time.Since(started).Milliseconds()}
	if err != nil {
		o.Error = err.Error()
	}
	return o
}
