package stats

// ErlangC returns the share of requests that find every server busy and wait, when
// requests come at random and the servers are used for the share utilization of
// their time (Erlang's C formula, of the queue M/M/c). It is 1 from a utilization
// of 1 on, and 0 for none.
func ErlangC(servers int, utilization float64) float64 {
	switch {
	case servers < 1 || !(utilization > 0):
		return 0
	case utilization >= 1:
		return 1
	}
	offered, blocked := float64(servers)*utilization, 1.0
	for n := 1; n <= servers; n++ {
		// Erlang's B formula, the share that is turned away without a queue.
		blocked = offered * blocked / (float64(n) + offered*blocked)
	}
	return blocked / (1 - utilization*(1-blocked))
}
