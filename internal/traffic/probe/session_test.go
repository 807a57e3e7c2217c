package probe

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

func TestSessionKeepsItsConnection(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		var mu sync.Mutex
		peers := map[string]bool{}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			peers[r.RemoteAddr] = true
		}))
		server.Config.Protocols = new(http.Protocols)
		server.Config.Protocols.SetHTTP1(true)
		server.Config.Protocols.SetUnencryptedHTTP2(true)
		server.Start()
		session := NewSession(Request{HTTP2: http2})
		for range 5 {
			if got := session.HTTP(t.Context(), Request{URL: server.URL}); got.Err != nil {
				t.Fatal(got.Err)
			}
		}
		session.Close()
		server.Close()
		if len(peers) != 1 {
			t.Errorf("HTTP/2 %t: %d connections for 5 requests", http2, len(peers))
		}
	}
}

// With HTTP/2 requests that overlap share the connection.
func TestSessionSharesItsConnection(t *testing.T) {
	const n = 8
	var mu sync.Mutex
	peers, all := map[string]bool{}, make(chan struct{})
	arrived := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		peers[r.RemoteAddr] = true
		if r.URL.Path == "/" {
			return
		}
		if arrived++; arrived == n {
			close(all)
		}
		mu.Unlock()
		<-all
		mu.Lock()
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	session := NewSession(Request{HTTP2: true})
	defer session.Close()
	// Before the first connection is there, each request would open one.
	if got := session.HTTP(t.Context(), Request{URL: server.URL + "/"}); got.Err != nil {
		t.Fatal(got.Err)
	}
	var wait sync.WaitGroup
	for range n {
		wait.Go(func() {
			if got := session.HTTP(t.Context(), Request{URL: server.URL + "/wait"}); got.Err != nil {
				t.Error(got.Err)
			}
		})
	}
	wait.Wait()
	if len(peers) != 1 {
		t.Errorf("%d connections for %d requests at once", len(peers), n)
	}
}
