package openloop

// seconds puts the intervals of several workers together while they run.
type seconds struct {
	in       chan *Interval
	workers  int
	progress func(*Interval)
	merged   []*Interval
	parts    []int // how many workers' intervals each of merged holds
	ended    chan struct{}
}

// backlogSeconds is how far the workers may be ahead of a slow Progress.
const backlogSeconds = 3600

func newSeconds(workers int, progress func(*Interval)) *seconds {
	s := &seconds{in: make(chan *Interval, backlogSeconds), workers: workers, progress: progress, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		for interval := range s.in {
			s.take(interval)
		}
	}()
	return s
}

func (s *seconds) take(interval *Interval) {
	for len(s.merged) <= interval.Second {
		s.merged = append(s.merged, newInterval(len(s.merged)))
		s.parts = append(s.parts, 0)
	}
	at := s.merged[interval.Second]
	if err := at.merge(interval); err != nil {
		// Unreachable: every interval's histogram is of the same kind.
		at.fail(ClassGenerator)
	}
	if s.parts[interval.Second]++; s.parts[interval.Second] == s.workers && s.progress != nil {
		s.progress(at)
	}
}

// finish returns the seconds; no worker may publish any more.
func (s *seconds) finish() []*Interval {
	close(s.in)
	<-s.ended
	return s.merged
}
