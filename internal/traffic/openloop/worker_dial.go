package openloop

// dial makes a connection beside the worker, which takes it with takeDialed.
func (w *worker) dial(conn int) {
	w.plan.dials.Go(func() {
		l, err := dial(w.plan.dialing, w.plan.target, w.plan.config.Ports, w.plan.config.Timeout)
		w.mu.Lock()
		w.dialed = append(w.dialed, dialed{conn, l, err})
		w.mu.Unlock()
		if err := w.poller.Wake(); err != nil {
			w.plan.stop(err)
		}
	})
}

func (w *worker) takeDialed() {
	w.mu.Lock()
	arrived := w.dialed
	w.dialed = nil
	w.mu.Unlock()
	for _, d := range arrived {
		w.conns[d.conn].opened(d.link, d.err)
	}
}

// close ends what is open; no connection is being made any more.
func (w *worker) close() error {
	for _, d := range w.dialed {
		if d.err == nil {
			_ = d.link.stream.Close() // Harmless: nobody is going to use it.
		}
	}
	for _, c := range w.conns {
		if c.state == open {
			_ = c.link.stream.Close() // Harmless: every answer is counted.
		}
	}
	return w.poller.Close()
}
