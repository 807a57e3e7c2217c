package main

import (
	"math"
	"time"

	vegetalib "github.com/tsenart/vegeta/v12/lib"
)

// vegeta runs vegeta's own library with as many workers as connections.
func vegeta(l load) (outcome, error) {
	attacker := vegetalib.NewAttacker(vegetalib.Workers(uint64(l.Connections)), vegetalib.MaxWorkers(uint64(l.Connections)),
		vegetalib.Connections(l.Connections), vegetalib.MaxConnections(l.Connections), vegetalib.MaxBody(0))
	target := vegetalib.NewStaticTargeter(vegetalib.Target{Method: "GET", URL: l.URL})
	pace := vegetalib.Rate{Freq: int(l.Rate), Per: time.Second} // 0 means as fast as possible
	var o outcome
	var service, sent []float64
	var begin, end time.Time
	for r := range attacker.Attack(target, pace, l.Duration, "benchmark") {
		o.Requests++
		if r.Code != 200 {
			o.Failed++
		}
		if begin.IsZero() {
			begin = r.Timestamp
		}
		if r.End().After(end) {
			end = r.End()
		}
		service = append(service, float64(r.Latency.Nanoseconds())/1e3)
		if l.Rate != 0 {
			// When it was sent, less when it was due after the first.
			sent = append(sent, (r.Timestamp.Sub(begin).Seconds()-float64(r.Seq)/l.Rate)*1e6)
		}
	}
	o.Seconds, o.Service = end.Sub(begin).Seconds(), of(service)
	// The schedule's beginning is not known better than by the earliest request.
	first := math.Inf(1)
	for _, s := range sent {
		first = min(first, s)
	}
	for i := range sent {
		sent[i] -= first
	}
	o.Lag = of(sent)
	return o, nil
}
