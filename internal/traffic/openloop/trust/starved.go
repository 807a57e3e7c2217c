package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"istio-conformance/internal/traffic/openloop"
)

// starved measures the same stub twice: as it is, and with a generator at
// ordinary priority among busy threads on every CPU.
func starved(ctx context.Context, _ *options) (shown bool, err error) {
	s, err := startStub(ctx)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	config := openloop.Config{
		Path: openloop.Path{Name: "stub", URL: s.with(time.Millisecond), Protocol: openloop.HTTP1}, Connections: 8,
		Schedule: openloop.Schedule{Rate: 300, Warmup: 500 * time.Millisecond, Duration: 5 * time.Second}, NoRealtime: true,
	}
	free, err := openloop.Run(ctx, config)
	if err != nil {
		return false, err
	}
	stop := burn(4 * runtime.NumCPU())
	hungry, err := openloop.Run(ctx, config)
	stop()
	if err != nil {
		return false, err
	}
	fmt.Printf("alone: %v\nstarved: %v\n", free, hungry)
	return len(hungry.Invalid) > 0, nil
}

// burn keeps n threads busy until it is stopped.
func burn(n int) (stop func()) {
	var over atomic.Bool
	for range n {
		go func() {
			runtime.LockOSThread() // never unlocked: the thread ends with its priority
			// As ordinary as the generator, not less.
			if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 0); err != nil {
				fmt.Println("burning at the default priority:", err)
			}
			for !over.Load() { // Doing nothing is the point.
			}
		}()
	}
	return func() { over.Store(true) }
}
