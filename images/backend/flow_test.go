package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// flowServer serves the flows' paths, and returns a function that asks it.
func flowServer(t *testing.T) func(method, path string) (int, flowReport) {
	t.Helper()
	mux := http.NewServeMux()
	new(flows).register(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return func(method, path string) (int, flowReport) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		o := send(request, time.Minute, &http.Transport{})
		var report flowReport
		if o.Status == http.StatusOK {
			if err := json.Unmarshal([]byte(o.Body), &report); err != nil {
				t.Fatal(err)
			}
		}
		return o.Status, report
	}
}

// until asks for a flow's report until it is as wanted.
func until(t *testing.T, ask func(method, path string) (int, flowReport), wanted func(flowReport) bool) {
	t.Helper()
	for t.Context().Err() == nil {
		if _, report := ask(http.MethodGet, "/flows/a"); wanted(report) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestFlowOfRequests(t *testing.T) {
	status := make(chan int, 1000)
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case s := <-status:
			w.WriteHeader(s)
		default:
		}
	}))
	defer target.Close()
	ask := flowServer(t)
	if code, _ := ask(http.MethodPut, "/flows/a?every=1ms&workers=2&url="+target.URL); code != http.StatusNoContent {
		t.Fatalf("start: %d", code)
	}
	if code, _ := ask(http.MethodPut, "/flows/a?every=1ms&workers=2&url="+target.URL); code != http.StatusConflict {
		t.Errorf("a second one of the name: %d", code)
	}
	until(t, ask, func(r flowReport) bool { return r.Sent > 5 })
	status <- http.StatusServiceUnavailable
	until(t, ask, func(r flowReport) bool { return r.Failed > 0 })
	code, report := ask(http.MethodDelete, "/flows/a")
	if code != http.StatusOK || report.Failed != 1 || len(report.Failures) != 1 || report.Failures[0].Error != "status 503" {
		t.Errorf("status %d, %+v", code, report)
	}
	if _, later := ask(http.MethodGet, "/flows/a"); later.Sent != report.Sent {
		t.Error("it goes on after its end")
	}
}

func TestFlowOfAConnection(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 2)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- connection
			go (&backend{log: discard{}}).serveTCP(connection)
		}
	}()
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	ask := flowServer(t)
	ask(http.MethodPut, "/flows/a?every=1ms&workers=2&url=tcp://"+listener.Addr().String())
	until(t, ask, func(r flowReport) bool { return r.Sent > 10 && r.Open == 2 })
	if err := (<-accepted).Close(); err != nil {
		t.Fatal(err)
	}
	until(t, ask, func(r flowReport) bool { return r.Failed == 1 && r.Open == 1 })
	if _, report := ask(http.MethodDelete, "/flows/a"); report.Failed != 1 || report.Open != 0 {
		t.Errorf("%+v", report)
	}
}

// discard is a log that nobody reads.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestFlowRefuses(t *testing.T) {
	ask := flowServer(t)
	for _, query := range []string{"", "every=0s&workers=1&url=http://a", "every=1s&workers=101&url=http://a", "every=1s&workers=1&url=ftp://a"} {
		if code, _ := ask(http.MethodPut, "/flows/a?"+query); code != http.StatusBadRequest {
			t.Errorf("%q: status %d", query, code)
		}
	}
	if code, _ := ask(http.MethodDelete, "/flows/none"); code != http.StatusNotFound {
		t.Errorf("no flow: status %d", code)
	}
}

func TestSend(t *testing.T) {
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if o := send(request, time.Minute, &http.Transport{}); o.Status != http.StatusFound || o.Error != "" {
		t.Errorf("%+v", o)
	}
	server.Close()
	if o := send(request, time.Minute, &http.Transport{}); o.Status != 0 || !strings.Contains(o.Error, "refused") {
		t.Errorf("%+v", o)
	}
}
