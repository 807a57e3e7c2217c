package codec

import (
	"strings"
	"testing"
	"time"
)

// answers keeps what a session answers.
type answers struct{ list []Answer }

func (a *answers) Answered(answer Answer) { a.list = append(a.list, answer) }

func request() *Request {
	return &Request{Method: "GET", Scheme: "http", Authority: "backend.example", Path: "/a?b=c", FlagHeader: "x-envoy-response-flags"}
}

func TestHTTP1Bytes(t *testing.T) {
	r := request()
	r.Method, r.Body, r.Close = "POST", []byte("hello"), true
	r.Header = []Field{{"x-one", "1"}}
	s := NewHTTP1(r, &answers{})
	got := string(s.Send(nil, Ticket{}))
	want := "POST /a?b=c HTTP/1.1\r\nHost: backend.example\r\nx-one: 1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.Room() != 0 {
		t.Error("a second request fits while the first has no answer")
	}
}

func TestHTTP1Responses(t *testing.T) {
	const h = "HTTP/1.1 "
	for _, c := range []struct {
		name, response string
		status         int
		flag           string
		spent          bool
		method         string
	}{
		{"length", h + "200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "", false, ""},
		{"no body", h + "204 No Content\r\n\r\n", 204, "", false, ""},
		{"empty body", h + "200 OK\r\ncontent-length:0\r\n\r\n", 200, "", false, ""},
		{"chunks", h + "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", 200, "", false, ""},
		{"early hints", h + "103 Early Hints\r\nLink: x\r\n\r\n" + h + "200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "", false, ""},
		{"head", h + "200 OK\r\nContent-Length: 99\r\n\r\n", 200, "", false, "HEAD"},
		{"close", h + "200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200, "", true, ""},
		{"old version", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "", true, ""},
		{"old version kept", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx", 200, "", false, ""},
		{"flag in a header", h + "503 Service Unavailable\r\nX-Envoy-Response-Flags: UF,URX\r\nContent-Length: 0\r\n\r\n", 503, "UF,URX", false, ""},
		{"flag in the body", h + "503 Service Unavailable\r\nContent-Length: 19\r\n\r\nno healthy upstream", 503, "UH", false, ""},
		{"flag in a chunk", h + "504 Gateway Timeout\r\nTransfer-Encoding: chunked\r\n\r\n18\r\nupstream request timeout\r\n0\r\n\r\n", 504, "UT", false, ""},
		{"overloaded", h + "503 Service Unavailable\r\nx-envoy-overloaded: true\r\nContent-Length: 0\r\n\r\n", 503, "overloaded", false, ""},
		{"an application's error", h + "500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops", 500, "", false, ""},
		{"a good answer with the header", h + "200 OK\r\nX-Envoy-Response-Flags: UF\r\nContent-Length: 0\r\n\r\n", 200, "", false, ""},
	} {
		// However the response is cut into pieces, it is the same.
		for piece := 1; piece <= len(c.response); piece++ {
			a := &answers{}
			r := request()
			if c.method != "" {
				r.Method = c.method
			}
			s := NewHTTP1(r, a)
			s.Send(nil, Ticket{Intended: time.Second})
			if err := feed(s, c.response, piece); err != nil {
				t.Errorf("%s in pieces of %d: %v", c.name, piece, err)
				break
			}
			want := Answer{Ticket: Ticket{Intended: time.Second}, Status: c.status, GRPC: -1, Flag: c.flag}
			if len(a.list) != 1 || a.list[0] != want || s.Spent() != c.spent {
				t.Errorf("%s in pieces of %d: got %+v, spent %t; want %+v, %t", c.name, piece, a.list, s.Spent(), want, c.spent)
				break
			}
		}
	}
}

// feed gives the session a response in pieces, as a connection's buffer would.
func feed(s Session, response string, piece int) error {
	var buffer []byte
	for rest := response; len(rest) > 0; {
		n := min(piece, len(rest))
		buffer, rest = append(buffer, rest[:n]...), rest[n:]
		used, _, err := s.Receive(buffer, nil)
		if err != nil {
			return err
		}
		buffer = buffer[used:]
	}
	return nil
}

func TestHTTP1UntilClose(t *testing.T) {
	a := &answers{}
	s := NewHTTP1(request(), a)
	s.Send(nil, Ticket{})
	if err := feed(s, "HTTP/1.1 200 OK\r\n\r\nsome text", 5); err != nil || len(a.list) != 0 {
		t.Fatalf("the answer is not whole yet: %v %+v", err, a.list)
	}
	s.End()
	if len(a.list) != 1 || a.list[0].Status != 200 || !s.Spent() {
		t.Errorf("the end of the connection ends the answer: %+v, spent %t", a.list, s.Spent())
	}
}

func TestHTTP1Nonsense(t *testing.T) {
	for name, response := range map[string]string{
		"no HTTP":         "SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"no status":       "HTTP/1.1 2x0 OK\r\n\r\n",
		"bad length":      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"empty length":    "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"huge length":     "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"bad chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"empty chunk":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"huge chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
		"chunk too long":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
		"line of nothing": "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
		"endless head":    "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("a", maxHead),
		"two answers":     "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
	} {
		s := NewHTTP1(request(), &answers{})
		s.Send(nil, Ticket{})
		if err := feed(s, response, 4096); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	s := NewHTTP1(request(), &answers{})
	if _, _, err := s.Receive([]byte("HTTP/1.1 408 Request Timeout\r\n\r\n"), nil); err == nil || !s.Spent() {
		t.Error("an answer that nobody asked for must end the connection")
	}
}

func TestHTTP1Abandon(t *testing.T) {
	s := NewHTTP1(request(), &answers{})
	s.Send(nil, Ticket{Sent: 7})
	if sent, waits := s.Oldest(); sent != 7 || !waits {
		t.Errorf("the oldest request: %v, %t", sent, waits)
	}
	var dropped []Ticket
	s.Abandon(func(ticket Ticket) { dropped = append(dropped, ticket) })
	if len(dropped) != 1 || dropped[0].Sent != 7 || !s.Spent() {
		t.Errorf("dropped %+v, spent %t", dropped, s.Spent())
	}
}

// count is a sink that does not allocate.
type count int

func (c *count) Answered(Answer) { *c++ }

func TestHTTP1DoesNotAllocate(t *testing.T) {
	var n count
	s := NewHTTP1(request(), &n)
	response := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ndate: x\r\nserver: istio-envoy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
	out := make([]byte, 0, 4096)
	allocated := testing.AllocsPerRun(1000, func() {
		out = s.Send(out[:0], Ticket{})
		if _, _, err := s.Receive(response, out); err != nil {
			t.Fatal(err)
		}
	})
	if allocated != 0 || n < 1000 {
		t.Errorf("%v allocations a request, %d answers", allocated, n)
	}
}

func TestRequestCheck(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"path":   func(r *Request) { r.Path = "/\r\nX: y" },
		"header": func(r *Request) { r.Header = []Field{{"a", "b\nc"}} },
		"host":   func(r *Request) { r.Authority = "a\x00b" },
		"body":   func(r *Request) { r.Body = make([]byte, MaxBody+1) },
	} {
		r := request()
		change(r)
		if r.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := request().Check(); err != nil {
		t.Error(err)
	}
}
