package probe

import (
	"net"
	"slices"
	"testing"
	"time"
)

// serveOnce answers one connection after it has read something.
func serveOnce(t *testing.T, answer string, leaveOpen bool) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = connection.Read(make([]byte, 1024))
		_, _ = connection.Write([]byte(answer))
		if leaveOpen {
			t.Cleanup(func() { _ = connection.Close() })
			return
		}
		_ = connection.Close()
	}()
	return listener.Addr().String()
}

func TestRawReadsResponsesOneAfterAnother(t *testing.T) {
	const ok, bad = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
	cases := []struct {
		name, answer string
		leaveOpen    bool
		statuses     []int
	}{
		{"one", ok, false, []int{200}},
		{"two", ok + bad, false, []int{200, 400}},
		{"an interim one first", "HTTP/1.1 100 Continue\r\n\r\n" + ok, false, []int{200}},
		{"no HTTP", "garbage", false, nil},
		{"nothing", "", false, nil},
		{"left open", ok, true, []int{200}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			timeout := 10 * time.Second
			if c.leaveOpen {
				timeout = 200 * time.Millisecond
			}
			result, err := Raw(t.Context(), serveOnce(t, c.answer, c.leaveOpen), []byte("GET / HTTP/1.1\r\n\r\n"), timeout)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(result.Statuses, c.statuses) || result.Ended == c.leaveOpen || string(result.Data) != c.answer {
				t.Errorf("got %s", result)
			}
		})
	}
}
