package codec

import "net/http"

// grpcOK is the grpc-status of a call that worked.
const grpcOK = 0

// find returns the stream without an answer that has the number, or nil. There
// are few at a time, and the oldest answers first most of the time.
func (s *http2Session) find(id uint32) *stream2 {
	for i := range s.streams {
		if s.streams[i].id == id {
			return &s.streams[i]
		}
	}
	return nil
}

// finish answers a stream that ended in good order.
func (s *http2Session) finish(id uint32) {
	stream := s.find(id)
	if stream == nil {
		return
	}
	answer := Answer{Ticket: stream.ticket, Status: stream.status, GRPC: stream.grpc}
	switch {
	case stream.status == 0:
		answer.Fault = "a response without a status"
	case s.grpc && stream.status == http.StatusOK && stream.grpc < grpcOK:
		answer.Status, answer.Fault = 0, "a gRPC response without grpc-status"
	case stream.flag != "" && (stream.status >= http.StatusInternalServerError || stream.grpc > grpcOK):
		answer.Flag = stream.flag
	case stream.status >= http.StatusTooManyRequests:
		answer.Flag = flagOf(stream.errorBody)
	}
	s.remove(id)
	s.sink.Answered(answer)
}

// fail answers a stream with a fault.
func (s *http2Session) fail(id uint32, fault string) {
	stream := s.find(id)
	if stream == nil {
		return
	}
	answer := Answer{Ticket: stream.ticket, GRPC: -1, Fault: fault}
	s.remove(id)
	s.sink.Answered(answer)
}

// remove takes the stream out and keeps the order of the others; its slot, with
// its buffer, goes behind the last.
func (s *http2Session) remove(id uint32) {
	for i := range s.streams {
		if s.streams[i].id != id {
			continue
		}
		slot := s.streams[i]
		copy(s.streams[i:], s.streams[i+1:])
		s.streams[len(s.streams)-1] = slot
		s.streams = s.streams[:len(s.streams)-1]
		return
	}
}
