package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// wrk and h2load know no schedule: each connection sends when the last answer is
// there. They show what a client written in C needs for a request.

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in ([0-9.]+)s`)
	h2loadDone  = regexp.MustCompile(`requests: \d+ total, \d+ started, (\d+) done, \d+ succeeded, (\d+) failed`)
)

func wrk(ctx context.Context, l load) (outcome, error) {
	c := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", l.Connections), fmt.Sprintf("-d%.0fs", l.Duration.Seconds()), l.URL)
	text, err := c.CombinedOutput()
	if err != nil {
		return outcome{}, fmt.Errorf("wrk: %w: %s", err, text)
	}
	found := wrkRequests.FindSubmatch(text)
	if found == nil {
		return outcome{}, fmt.Errorf("wrk printed no count: %s", text)
	}
	requests, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return outcome{}, err
	}
	seconds, err := strconv.ParseFloat(string(found[2]), 64)
	return outcome{Requests: requests, Seconds: seconds, CPU: cpu(c)}, err
}

func h2load(ctx context.Context, l load) (outcome, error) {
	c := exec.CommandContext(ctx, "h2load", "--h1", "-t1", "-m1", fmt.Sprintf("-c%d", l.Connections), fmt.Sprintf("-D%.0f", l.Duration.Seconds()), l.URL)
	text, err := c.CombinedOutput()
	if err != nil {
		return outcome{}, fmt.Errorf("h2load: %w: %s", err, text)
	}
	found := h2loadDone.FindSubmatch(text)
	if found == nil {
		return outcome{}, fmt.Errorf("h2load printed no count: %s", text)
	}
	requests, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		return outcome{}, err
	}
	failed, err := strconv.ParseInt(string(found[2]), 10, 64)
	return outcome{Requests: requests, Failed: failed, Seconds: l.Duration.Seconds(), CPU: cpu(c)}, err
}
