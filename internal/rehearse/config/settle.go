package config

import (
	"context"
	"fmt"
	"maps"
	"time"

	"istio-conformance/internal/rehearse/planes"
	"istio-conformance/internal/rehearse/stage"
)

// istiod says that it is ready before it has translated every object: once in 14
// rehearsals of the same mesh with itself a listener of the Gateway API was missing.
const (
	// quiet is how long what istiod sends must stay the same until it counts.
	quiet = 2 * time.Second
	// settleTime is how long that may take.
	settleTime = time.Minute
	// watched is how many proxies are asked meanwhile; gateways are the first.
	watched = 5
)

// settle waits until istiod sends the same for a while.
func settle(ctx context.Context, istiod *planes.Istiod, proxies []*stage.Proxy) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	ticker := time.NewTicker(quiet / 8)
	defer ticker.Stop()
	var last sent
	since := time.Now()
	for {
		now, err := ask(ctx, istiod, proxies[:min(len(proxies), watched)])
		if err != nil {
			return err
		}
		if !same(now, last) {
			last, since = now, time.Now()
		}
		if time.Since(since) >= quiet {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("what istiod %s sends goes on changing for %s", istiod.Version, settleTime)
		}
	}
}

// same says whether every proxy is sent the same.
func same(a, b sent) bool {
	return maps.EqualFunc(a, b, func(x, y map[string]*resource) bool {
		return maps.EqualFunc(x, y, func(p, q *resource) bool { return p.hash == q.hash })
	})
}
