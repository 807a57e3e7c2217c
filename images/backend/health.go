package main

import (
	"net/http"
	"strconv"
	"sync/atomic"
)

// newHealth answers the kubelet's readiness probes, until it is told otherwise:
//
//	PUT /healthz?status=503   GET /healthz answers 503 from now on
//	PUT /exit                 ends the process, as a crash would
func newHealth(exit func()) *http.ServeMux {
	var status atomic.Int64
	status.Store(http.StatusNoContent)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) })
	mux.HandleFunc("PUT /healthz", func(w http.ResponseWriter, r *http.Request) {
		wanted, err := strconv.Atoi(r.URL.Query().Get("status"))
		if err != nil || wanted < 200 || wanted > 599 {
			http.Error(w, "status: want 200 to 599", http.StatusBadRequest)
			return
		}
		status.Store(int64(wanted))
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /exit", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
		exit()
	})
	return mux
}
