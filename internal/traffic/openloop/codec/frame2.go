package codec

import "encoding/binary"

// Frames, flags and settings that are used (RFC 9113, sections 4.1, 6 and 7).
const (
	frameData         = 0
	frameHeaders      = 1
	frameRSTStream    = 3
	frameSettings     = 4
	framePushPromise  = 5
	framePing         = 6
	frameGoAway       = 7
	frameWindowUpdate = 8
	frameContinuation = 9

	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20

	settingEnablePush    = 2
	settingMaxStreams    = 3
	settingInitialWindow = 4

	frameHead    = 9
	streamOffset = 5
	// minFrameLimit is the frame size that every peer takes.
	minFrameLimit = 16 << 10
)

// frame2 is one frame without its head.
type frame2 struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// cutFrame returns the first frame of b and its length with the head; a length
// of 0 means that it is not whole.
func cutFrame(b []byte) (frame2, int) {
	if len(b) < frameHead {
		return frame2{}, 0
	}
	length := frameHead + int(b[0])<<16 + int(b[1])<<8 + int(b[2])
	if len(b) < length {
		return frame2{}, 0
	}
	return frame2{
		kind: b[3], flags: b[4], payload: b[frameHead:length],
		stream: binary.BigEndian.Uint32(b[streamOffset:]) &^ (1 << 31),
	}, length
}

func appendFrame(out []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	out = append(out, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	out = binary.BigEndian.AppendUint32(out, stream)
	return append(out, payload...)
}

func appendWindowUpdate(out []byte, n uint32) []byte {
	out = append(out, 0, 0, 4, frameWindowUpdate, 0)
	out = binary.BigEndian.AppendUint32(out, 0)
	return binary.BigEndian.AppendUint32(out, n)
}

// unpad removes the padding of a DATA or HEADERS frame and the priority of a
// HEADERS frame; ok is false when they are longer than the frame.
func (f frame2) unpad() (payload []byte, ok bool) {
	payload = f.payload
	pad := 0
	if f.flags&flagPadded != 0 {
		if len(payload) == 0 {
			return nil, false
		}
		pad, payload = int(payload[0]), payload[1:]
	}
	if f.kind == frameHeaders && f.flags&flagPriority != 0 {
		if len(payload) < 5 {
			return nil, false
		}
		payload = payload[5:]
	}
	if pad > len(payload) {
		return nil, false
	}
	return payload[:len(payload)-pad], true
}

// errorNames are the error codes of RST_STREAM and GOAWAY.
var errorNames = []string{
	"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
	"FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
	"INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
}

func errorName(code uint32) string {
	if int(code) < len(errorNames) {
		return errorNames[code]
	}
	return "unknown error"
}
