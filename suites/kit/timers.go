package kit

import "time"

const (
	// TimerSlack is how early Envoy's timer may fire: it counts milliseconds from
	// the start of the event loop's turn.
	TimerSlack = 50 * time.Millisecond
	// TimeoutTolerance is how late the answer to a request that was timed out may
	// arrive at the client: far from a slow backend's delay, and wide enough for a
	// busy machine.
	TimeoutTolerance = 1500 * time.Millisecond
)
