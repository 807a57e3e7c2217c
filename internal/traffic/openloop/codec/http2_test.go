package codec

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// peer is the server's side, made of another implementation of the protocol.
type peer struct {
	t       *testing.T
	session Session
	answers *answers
	frames  bytes.Buffer // to the session
	framer  *http2.Framer
	header  bytes.Buffer
	encoder *hpack.Encoder
	// replies is what the session wrote by itself.
	replies []byte
}

func newPeer(t *testing.T, session Session, a *answers) *peer {
	p := &peer{t: t, session: session, answers: a}
	p.framer = http2.NewFramer(&p.frames, nil)
	p.encoder = hpack.NewEncoder(&p.header)
	return p
}

func (p *peer) headers(stream uint32, end bool, fields ...string) {
	p.header.Reset()
	for i := 0; i < len(fields); i += 2 {
		p.must(p.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}))
	}
	p.must(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: p.header.Bytes(), EndHeaders: true, EndStream: end}))
}

func (p *peer) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// deliver gives the session all frames, in pieces of the given size.
func (p *peer) deliver(piece int) error {
	var buffer []byte
	for p.frames.Len() > 0 {
		buffer = append(buffer, p.frames.Next(piece)...)
		used, reply, err := p.session.Receive(buffer, nil)
		p.replies = append(p.replies, reply...)
		if err != nil {
			return err
		}
		buffer = buffer[used:]
	}
	return nil
}

// sent describes the frames that the session wrote, as the other implementation
// understands them.
func sent(data []byte) []string {
	framer := http2.NewFramer(nil, bytes.NewReader(data))
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var frames []string
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return frames
		}
		var text strings.Builder
		fmt.Fprintf(&text, "%v %d", frame.Header().Type, frame.Header().StreamID)
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			for _, field := range f.Fields {
				fmt.Fprintf(&text, " %s=%s", field.Name, field.Value)
			}
			fmt.Fprintf(&text, " end=%t", f.StreamEnded())
		case *http2.DataFrame:
			fmt.Fprintf(&text, " %q end=%t", f.Data(), f.StreamEnded())
		case *http2.SettingsFrame:
			fmt.Fprintf(&text, " ack=%t", f.IsAck())
			for i := range f.NumSettings() {
				fmt.Fprintf(&text, " %v", f.Setting(i))
			}
		case *http2.PingFrame:
			fmt.Fprintf(&text, " ack=%t", f.IsAck())
		case *http2.WindowUpdateFrame:
			fmt.Fprintf(&text, " %d", f.Increment)
		}
		frames = append(frames, text.String())
	}
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func session2(t *testing.T, r *Request, a *answers) Session {
	t.Helper()
	s, err := NewHTTP2(r, 10, a)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHTTP2Opening(t *testing.T) {
	out := session2(t, request(), &answers{}).Open(nil)
	if !strings.HasPrefix(string(out), http2.ClientPreface) {
		t.Fatalf("no preface: %q", out)
	}
	check(t, sent(out[len(http2.ClientPreface):]),
		"SETTINGS 0 ack=false [ENABLE_PUSH = 0] [INITIAL_WINDOW_SIZE = 2147483647]", "WINDOW_UPDATE 0 2147418112")
}

func TestHTTP2Requests(t *testing.T) {
	r := request()
	r.Method, r.Body, r.Header = "POST", []byte("hello"), []Field{{"X-One", "1"}}
	s := session2(t, r, &answers{})
	const fields = " :method=POST :scheme=http :authority=backend.example :path=/a?b=c x-one=1 content-length=5 end=false"
	check(t, sent(s.Send(s.Send(nil, Ticket{}), Ticket{})),
		"HEADERS 1"+fields, `DATA 1 "hello" end=true`, "HEADERS 3"+fields, `DATA 3 "hello" end=true`)
	if s.Room() != 8 {
		t.Errorf("room for %d, want 8", s.Room())
	}
}

func TestHTTP2Answers(t *testing.T) {
	for _, piece := range []int{1, 7, 100000} {
		a := &answers{}
		s := session2(t, request(), a)
		p := newPeer(t, s, a)
		for i := range 5 {
			s.Send(nil, Ticket{Intended: time.Duration(i)})
		}
		p.must(p.framer.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 6}))
		p.must(p.framer.WritePing(false, [8]byte{1}))
		p.headers(3, false, ":status", "200", "x-long", strings.Repeat("value ", 50))
		p.must(p.framer.WriteDataPadded(3, true, []byte("ok"), make([]byte, 9)))
		p.headers(1, true, ":status", "204", "x-long", strings.Repeat("value ", 50))
		p.headers(5, false, ":status", "503", "x-envoy-response-flags", "UO")
		p.must(p.framer.WriteData(5, true, nil))
		p.headers(7, false, ":status", "503")
		p.must(p.framer.WriteData(7, true, []byte("no healthy upstream")))
		p.must(p.framer.WriteRSTStream(9, http2.ErrCodeRefusedStream))
		if err := p.deliver(piece); err != nil {
			t.Fatalf("in pieces of %d: %v", piece, err)
		}
		want := []Answer{
			{Ticket: Ticket{Intended: 1}, Status: 200, GRPC: -1}, {Ticket: Ticket{Intended: 0}, Status: 204, GRPC: -1},
			{Ticket: Ticket{Intended: 2}, Status: 503, GRPC: -1, Flag: "UO"}, {Ticket: Ticket{Intended: 3}, Status: 503, GRPC: -1, Flag: "UH"},
			{Ticket: Ticket{Intended: 4}, GRPC: -1, Fault: "stream reset: REFUSED_STREAM"},
		}
		if fmt.Sprint(a.list) != fmt.Sprint(want) {
			t.Errorf("in pieces of %d: got %+v, want %+v", piece, a.list, want)
		}
		check(t, sent(p.replies), "SETTINGS 0 ack=true", "PING 0 ack=true")
		if s.Room() != 6 {
			t.Errorf("room for %d, the server takes 6", s.Room())
		}
	}
}

func TestHTTP2Continuation(t *testing.T) {
	a := &answers{}
	s := session2(t, request(), a)
	p := newPeer(t, s, a)
	s.Send(nil, Ticket{})
	p.must(p.encoder.WriteField(hpack.HeaderField{Name: ":status", Value: "200"}))
	block := p.header.Bytes()
	p.must(p.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: nil, EndStream: true}))
	p.must(p.framer.WriteContinuation(1, true, block))
	if err := p.deliver(5); err != nil || len(a.list) != 1 || a.list[0].Status != 200 {
		t.Errorf("%v, %+v", err, a.list)
	}
}

func TestHTTP2GoAway(t *testing.T) {
	a := &answers{}
	s := session2(t, request(), a)
	p := newPeer(t, s, a)
	for range 3 {
		s.Send(nil, Ticket{})
	}
	p.must(p.framer.WriteGoAway(1, http2.ErrCodeNo, nil))
	p.must(p.deliver(100))
	if len(a.list) != 2 || a.list[0].Fault != "going away: NO_ERROR" || s.Room() != 0 || s.Spent() {
		t.Errorf("%+v, room %d, spent %t", a.list, s.Room(), s.Spent())
	}
	p.headers(1, true, ":status", "200")
	p.must(p.deliver(100))
	if len(a.list) != 3 || a.list[2].Status != 200 || !s.Spent() {
		t.Errorf("the stream that the server took is answered: %+v, spent %t", a.list, s.Spent())
	}
}

func TestHTTP2Nonsense(t *testing.T) {
	push := appendFrame(nil, framePushPromise, flagEndHeaders, 1, make([]byte, 8))
	for name, data := range map[string][]byte{
		"push":                push,
		"frame too long":      {1, 0, 0, 0, 0, 0, 0, 0, 1},
		"short reset":         appendFrame(nil, frameRSTStream, 0, 1, []byte{1}),
		"short goaway":        appendFrame(nil, frameGoAway, 0, 0, []byte{1}),
		"ragged settings":     appendFrame(nil, frameSettings, 0, 0, make([]byte, 5)),
		"padding too long":    appendFrame(nil, frameData, flagPadded, 1, []byte{9, 1}),
		"interrupted headers": append(appendFrame(nil, frameHeaders, 0, 1, []byte{0x88}), appendFrame(nil, frameData, 0, 1, nil)...),
		"lone continuation":   appendFrame(nil, frameContinuation, flagEndHeaders, 1, []byte{0x88}),
		"bad header":          appendFrame(nil, frameHeaders, flagEndHeaders, 1, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}),
	} {
		s := session2(t, request(), &answers{})
		s.Send(nil, Ticket{})
		if _, _, err := s.Receive(data, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestHTTP2SendWindow(t *testing.T) {
	r := request()
	r.Method, r.Body = "POST", make([]byte, MaxBody)
	a := &answers{}
	s := session2(t, r, a)
	sends := 0
	for s.Room() > 0 {
		s.Send(nil, Ticket{})
		sends++
	}
	if sends != 3 { // 3 x 16384 of 65535
		t.Errorf("%d bodies fit into the window, want 3", sends)
	}
	p := newPeer(t, s, a)
	p.must(p.framer.WriteWindowUpdate(0, 2*MaxBody))
	p.must(p.deliver(100))
	if s.Room() == 0 {
		t.Error("the window was enlarged, there is still no room")
	}
}

func TestGRPC(t *testing.T) {
	a := &answers{}
	r := request()
	r.Path, r.Body = "/grpc.health.v1.Health/Check", []byte{0xa, 1, 'x'}
	s, err := NewGRPC(r, 10, a)
	if err != nil {
		t.Fatal(err)
	}
	check(t, sent(s.Send(nil, Ticket{})),
		"HEADERS 1 :method=POST :scheme=http :authority=backend.example :path=/grpc.health.v1.Health/Check content-type=application/grpc te=trailers content-length=8 end=false",
		`DATA 1 "\x00\x00\x00\x00\x03\n\x01x" end=true`)
	s.Send(s.Send(nil, Ticket{}), Ticket{})
	p := newPeer(t, s, a)
	p.headers(1, false, ":status", "200", "content-type", "application/grpc")
	p.must(p.framer.WriteData(1, false, []byte{0, 0, 0, 0, 2, 8, 1}))
	p.headers(1, true, "grpc-status", "0")
	p.headers(3, true, ":status", "200", "grpc-status", "14", "x-envoy-response-flags", "UH")
	p.headers(5, true, ":status", "200")
	p.must(p.deliver(11))
	want := []Answer{{Status: 200, GRPC: 0}, {Status: 200, GRPC: 14, Flag: "UH"}, {GRPC: -1, Fault: "a gRPC response without grpc-status"}}
	if fmt.Sprint(a.list) != fmt.Sprint(want) {
		t.Errorf("got %+v, want %+v", a.list, want)
	}
}

func TestHTTP2DoesNotAllocate(t *testing.T) {
	var n count
	s, err := NewHTTP2(request(), 10, &n)
	if err != nil {
		t.Fatal(err)
	}
	// Indexed header fields, as a server sends from its second answer on.
	response := appendFrame(appendFrame(nil, frameHeaders, flagEndHeaders, 0, []byte{0x88}), frameData, flagEndStream, 0, []byte("ok"))
	second := len(response) - frameHead - 2 + streamOffset
	out := make([]byte, 0, 4096)
	id := uint32(1)
	allocated := testing.AllocsPerRun(1000, func() {
		out = s.Send(out[:0], Ticket{})
		response[streamOffset+2], response[streamOffset+3] = byte(id>>8), byte(id)
		response[second+2], response[second+3] = byte(id>>8), byte(id)
		id += 2
		if _, _, err := s.Receive(response, out); err != nil {
			t.Fatal(err)
		}
	})
	if allocated != 0 || n < 1000 {
		t.Errorf("%v allocations a request, %d answers", allocated, n)
	}
}
