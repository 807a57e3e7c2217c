package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// id is the check that the mutations play.
const id = "load/gateway-vs-direct"

func mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "gateway-slow", Promise: "a gateway that adds 5 ms to every request is found too slow",
			Break: mutation.SlowGateway, Plays: id, Fails: map[string]string{id: "the gateway is too slow: it"},
		},
		{
			Name: "gateway-costly", Promise: "a gateway that uses 1 ms of CPU time more for every request is found slower than one with the default configuration, though it adds less than is allowed",
			Break: mutation.CostlyGateway, Plays: id, Fails: map[string]string{id: "the gateway is too slow: it takes"},
		},
		{
			Name: "generator-starved", Promise: "a load generator without CPU time says that it measured nothing",
			Break: starveGenerator, Plays: id, Invalid: map[string]string{id: "the generator itself was late"},
		},
		{
			Name: "load-aborted", Promise: "requests that fail are noticed in what several generators measured together",
			Break: mutation.WithFixture("more-aborts", nil), Plays: "load/distributed", Fails: map[string]string{"load/distributed": "requests from the pods to the gateway failed"},
		},
	}
}

// How long the generator is stopped, and how long it may then run.
const (
	stopped = 20 * time.Millisecond
	running = 10 * time.Millisecond
)

// starveGenerator stops the load generator for most of the time, as a machine
// does that has no CPU for it.
func starveGenerator(ctx context.Context, t *check.T, _ *stack.Stack) {
	if os.Geteuid() != 0 {
		t.Skipf("the load generator is only a child of this process where that may enter the node's network, as root")
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- starve(ctx) }()
	t.Cleanup(func() {
		cancel()
		t.Expect(<-ended).To(gomega.Succeed())
	})
}

// starve stops and continues the load generators among this process's children.
func starve(ctx context.Context) error {
	tick := time.NewTimer(0)
	defer tick.Stop()
	for halt := true; ; halt = !halt {
		select {
		case <-ctx.Done():
			return signalGenerators(syscall.SIGCONT)
		case <-tick.C:
		}
		signal, wait := syscall.SIGCONT, running
		if halt {
			signal, wait = syscall.SIGSTOP, stopped
		}
		if err := signalGenerators(signal); err != nil {
			return err
		}
		tick.Reset(wait)
	}
}

// signalGenerators sends a signal to the load generators that this process
// started, and to no others: several runs may share the machine.
func signalGenerators(signal syscall.Signal) error {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return err
	}
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		pid, name, parent, err := parseStat(string(stat))
		if err != nil {
			return err
		}
		if parent != os.Getpid() || name != generatorName {
			continue
		}
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal %s to process %d: %w", signal, pid, err)
		}
	}
	return nil
}

// parseStat reads the beginning of /proc/<pid>/stat: the process, its name in
// parentheses, its state and its parent (proc(5)).
func parseStat(stat string) (pid int, name string, parent int, err error) {
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return 0, "", 0, fmt.Errorf("a process's stat begins with %.40q", stat)
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) < 2 {
		return 0, "", 0, fmt.Errorf("a process's stat begins with %.40q", stat)
	}
	var errs [2]error
	pid, errs[0] = strconv.Atoi(strings.TrimSpace(stat[:open]))
	parent, errs[1] = strconv.Atoi(fields[1])
	return pid, stat[open+1 : end], parent, errors.Join(errs[:]...)
}
