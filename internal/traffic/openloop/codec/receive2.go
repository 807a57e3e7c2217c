package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// maxFrame is the largest frame that is read: what SETTINGS_MAX_FRAME_SIZE says
// when it is not sent.
const maxFrame = minFrameLimit

var (
	errFrame = errors.New("HTTP/2: a frame is malformed")
	errPush  = errors.New("HTTP/2: the server pushes although it was told not to")
	errBlock = errors.New("HTTP/2: a header block is interrupted or too long")
)

func (s *http2Session) Receive(in, out []byte) (used int, reply []byte, err error) {
	for {
		frame, n := cutFrame(in[used:])
		if n == 0 {
			if left := in[used:]; len(left) >= frameHead && int(left[0])<<16+int(left[1])<<8+int(left[2]) > maxFrame {
				return used, out, errFrame
			}
			return used, out, nil
		}
		used += n
		if out, err = s.frame(frame, out); err != nil {
			return used, out, err
		}
	}
}

func (s *http2Session) frame(f frame2, out []byte) ([]byte, error) {
	if s.blockOpen && f.kind != frameContinuation {
		return out, errBlock
	}
	switch f.kind {
	case frameData:
		return s.data(f, out)
	case frameHeaders:
		payload, ok := f.unpad()
		if !ok {
			return out, errFrame
		}
		s.blockOf, s.blockEnd = f.stream, f.flags&flagEndStream != 0
		return out, s.headers(payload, f.flags&flagEndHeaders != 0)
	case frameContinuation:
		if !s.blockOpen || f.stream != s.blockOf {
			return out, errBlock
		}
		return out, s.headers(f.payload, f.flags&flagEndHeaders != 0)
	case framePushPromise:
		return out, errPush
	case frameRSTStream:
		if len(f.payload) != 4 {
			return out, errFrame
		}
		s.fail(f.stream, "stream reset: "+errorName(binary.BigEndian.Uint32(f.payload)))
		return out, nil
	default:
		return s.control(f, out)
	}
}

// control takes the frames of the connection itself.
func (s *http2Session) control(f frame2, out []byte) ([]byte, error) {
	switch f.kind {
	case frameSettings:
		if f.flags&flagAck != 0 {
			return out, nil
		}
		if err := s.settings(f.payload); err != nil {
			return out, err
		}
		return appendFrame(out, frameSettings, flagAck, 0, nil), nil
	case framePing:
		if f.flags&flagAck != 0 {
			return out, nil
		}
		return appendFrame(out, framePing, flagAck, 0, f.payload), nil
	case frameWindowUpdate:
		if len(f.payload) != 4 {
			return out, errFrame
		}
		if f.stream == 0 {
			s.sendWindow += int64(binary.BigEndian.Uint32(f.payload) &^ (1 << 31))
		}
	case frameGoAway:
		return out, s.goAway(f.payload)
	}
	return out, nil
}

func (s *http2Session) settings(payload []byte) error {
	if len(payload)%6 != 0 {
		return errFrame
	}
	for ; len(payload) > 0; payload = payload[6:] {
		value := binary.BigEndian.Uint32(payload[2:])
		switch binary.BigEndian.Uint16(payload) {
		case settingMaxStreams:
			s.peerLimit = int(value)
		case settingInitialWindow:
			if int64(value) < s.body {
				return fmt.Errorf("HTTP/2: the server's window of %d bytes is smaller than a request's body", value)
			}
		}
	}
	return nil
}

// goAway fails the requests that the server says it will not answer. They are
// not sent again: that is what a test of an upgrade must see.
func (s *http2Session) goAway(payload []byte) error {
	if len(payload) < 8 {
		return errFrame
	}
	s.goingAway = true
	last := binary.BigEndian.Uint32(payload) &^ (1 << 31)
	fault := "going away: " + errorName(binary.BigEndian.Uint32(payload[4:]))
	for i := len(s.streams) - 1; i >= 0; i-- {
		if s.streams[i].id > last {
			s.fail(s.streams[i].id, fault)
		}
	}
	return nil
}

func (s *http2Session) data(f frame2, out []byte) ([]byte, error) {
	payload, ok := f.unpad()
	if !ok {
		return out, errFrame
	}
	if s.received += int64(len(f.payload)); s.received > maxWindow/2 {
		out = appendWindowUpdate(out, uint32(s.received))
		s.received = 0
	}
	if stream := s.find(f.stream); stream != nil && stream.status >= http.StatusBadRequest {
		stream.errorBody = keep(stream.errorBody, payload)
	}
	if f.flags&flagEndStream != 0 {
		s.finish(f.stream)
	}
	return out, nil
}

// headers takes a piece of a header block.
func (s *http2Session) headers(piece []byte, whole bool) error {
	if !whole || s.blockOpen {
		if s.block = append(s.block, piece...); len(s.block) > maxHead {
			return errBlock
		}
		piece = s.block
	}
	if s.blockOpen = !whole; s.blockOpen {
		return nil
	}
	// A stream that is not known any more still changes the decoder's table.
	s.current = s.find(s.blockOf)
	_, err := s.decoder.Write(piece)
	if err == nil {
		err = s.decoder.Close()
	}
	s.current, s.block = nil, s.block[:0]
	if err != nil {
		return fmt.Errorf("HTTP/2: decode a header: %w", err)
	}
	if s.blockEnd {
		s.finish(s.blockOf)
	}
	return nil
}

// field takes one decoded header field of the current stream.
func (s *http2Session) field(f hpack.HeaderField) {
	if s.current == nil {
		return
	}
	switch f.Name {
	case ":status":
		// An unreadable status stays 0 and is counted as an error.
		if status, err := strconv.Atoi(f.Value); err == nil {
			s.current.status = status
		}
	case "grpc-status":
		if status, err := strconv.Atoi(f.Value); err == nil {
			s.current.grpc = status
		}
	case "x-envoy-overloaded":
		if s.current.flag == "" {
			s.current.flag = overloadedFlag
		}
	case s.flagHeader:
		s.current.flag = f.Value
	}
}
