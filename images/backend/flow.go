package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	// flowTimeout bounds one step of a flow; a slower one has failed.
	flowTimeout = 5 * time.Second
	// keptFailures is how many failures are told; all are counted.
	keptFailures = 50
	// maxWorkers bounds what sends at once.
	maxWorkers = 100
)

// flows is traffic that this pod sends in the background until it is stopped:
//
//	PUT    /flows/{name}?url=http://other/&every=50ms&workers=2
//	    sends requests, each on a connection of its own
//	PUT    /flows/{name}?url=tcp://other:9000&every=50ms&workers=5
//	    keeps a connection for each worker, and sends lines that must come back
//	GET    /flows/{name}   says what became of it so far
//	DELETE /flows/{name}   stops it, and says what became of it
type flows struct {
	mu      sync.Mutex
	running map[string]*flow
}

// flow is one of them.
type flow struct {
	every time.Duration
	stop  context.CancelFunc
	wait  sync.WaitGroup

	mu     sync.Mutex
	report flowReport
}

// flowReport is what became of a flow.
type flowReport struct {
	// Sent counts requests or lines that were answered, Failed those that were not.
	Sent   int `json:"sent"`
	Failed int `json:"failed"`
	// Open counts connections that are kept and still work.
	Open int `json:"open"`
	// SlowestMilliseconds is the longest time that an answer took.
	SlowestMilliseconds int64 `json:"slowestMilliseconds"`
	// Failures are the first ones.
	Failures []flowFailure `json:"failures,omitempty"`
}

// flowFailure is one step that failed.
type flowFailure struct {
	At    time.Time `json:"at"`
	Error string    `json:"error"`
}

// register adds the flows' paths.
func (f *flows) register(mux *http.ServeMux) {
	mux.HandleFunc("PUT /flows/{name}", f.put)
	mux.HandleFunc("GET /flows/{name}", func(w http.ResponseWriter, r *http.Request) {
		f.answer(w, f.get(r.PathValue("name")))
	})
	mux.HandleFunc("DELETE /flows/{name}", func(w http.ResponseWriter, r *http.Request) {
		found := f.get(r.PathValue("name"))
		if found != nil {
			found.stop()
			found.wait.Wait()
		}
		f.answer(w, found)
	})
}

func (f *flows) get(name string) *flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[name]
}

// answer writes a flow's report.
func (f *flows) answer(w http.ResponseWriter, found *flow) {
	if found == nil {
		http.Error(w, "no such flow", http.StatusNotFound)
		return
	}
	found.mu.Lock()
	line, err := json.Marshal(found.report)
	found.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(line); err != nil {
		log.Printf("answer a flow's report: %v", err)
	}
}

// put starts a flow.
func (f *flows) put(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	every, everyErr := time.ParseDuration(query.Get("every"))
	workers, workersErr := strconv.Atoi(query.Get("workers"))
	target, targetErr := url.Parse(query.Get("url"))
	if everyErr != nil || every <= 0 || workersErr != nil || workers < 1 || workers > maxWorkers || targetErr != nil || target.Scheme != "http" && target.Scheme != "tcp" {
		http.Error(w, fmt.Sprintf("want every, workers up to %d and url of http: or tcp:", maxWorkers), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.PathValue("name")
	if f.running[name] != nil {
		http.Error(w, "there is such a flow", http.StatusConflict)
		return
	}
	if f.running == nil {
		f.running = map[string]*flow{}
	}
	// Not the request's context: the flow outlives it.
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	started := &flow{every: every, stop: cancel}
	f.running[name] = started
	work := started.request
	if target.Scheme == "tcp" {
		work = started.hold
	}
	for range workers {
		started.wait.Go(func() { work(ctx, target) })
	}
	w.WriteHeader(http.StatusNoContent)
}

// request sends requests until ctx ends.
func (f *flow) request(ctx context.Context, target *url.URL) {
	for wait(ctx, f.every) {
		// Not ctx: the last request must be answered too.
		request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, target.String(), http.NoBody)
		if err != nil {
			f.done(0, err)
			return
		}
		o := send(request, flowTimeout, &http.Transport{})
		switch {
		case o.Error != "":
			err = fmt.Errorf("%s", o.Error)
		case o.Status != http.StatusOK:
			err = fmt.Errorf("status %d", o.Status)
		}
		f.done(time.Duration(o.Milliseconds)*time.Millisecond, err)
	}
}

// hold keeps a connection until ctx ends or it breaks.
func (f *flow) hold(ctx context.Context, target *url.URL) {
	connection, err := (&net.Dialer{Timeout: flowTimeout}).DialContext(ctx, "tcp", target.Host)
	if err != nil {
		f.done(0, err)
		return
	}
	f.open(1)
	defer f.open(-1)
	// It has served; nothing is lost with it.
	defer func() { _ = connection.Close() }()
	if _, err := fmt.Fprintln(connection, "flow"); err != nil {
		f.done(0, err)
		return
	}
	reader := bufio.NewReader(connection)
	for number := 0; wait(ctx, f.every); number++ {
		started := time.Now()
		err := echoed(connection, reader, strconv.Itoa(number)+"\n")
		f.done(time.Since(started), err)
		if err != nil {
			return
		}
	}
}

// echoed sends a line and reads it back.
func echoed(connection net.Conn, reader *bufio.Reader, line string) error {
	if err := connection.SetDeadline(time.Now().Add(flowTimeout)); err != nil {
		return err
	}
	if _, err := connection.Write([]byte(line)); err != nil {
		return err
	}
	got, err := reader.ReadString('\n')
	if err == nil && got != line {
		err = fmt.Errorf("sent %q, got %q", line, got)
	}
	return err
}

// open counts a connection in or out.
func (f *flow) open(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Open += n
}

// done counts a step.
func (f *flow) done(took time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.report.Sent++
		f.report.SlowestMilliseconds = max(f.report.SlowestMilliseconds, took.Milliseconds())
		return
	}
	f.report.Failed++
	if len(f.report.Failures) < keptFailures {
		f.report.Failures = append(f.report.Failures, flowFailure{time.Now(), err.Error()})
	}
}
