package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
)

// watchNeeds refuses what cannot be watched: what does not change, and what has no end.
func watchNeeds(every time.Duration, from, said string, asJSON bool) error {
	switch {
	case every < 0:
		return exitcode.Usagef("--watch=%s: want a time such as 30s", every)
	case every > 0 && from != "":
		return exitcode.Usagef("--watch with --from: evidence does not change; leave one out")
	case every > 0 && said != "":
		return exitcode.Usagef("--watch with --said: what a tool said does not change; leave one out")
	case every > 0 && asJSON:
		return exitcode.Usagef("--watch with --json: a watch writes lines; leave one out")
	}
	return nil
}

// watch looks again and again, and writes what is new and what is no longer there, until
// ctx ends. It returns what was seen last.
func watch(ctx context.Context, out io.Writer, every time.Duration, look func() (*diagnose.Diagnosis, error)) (*diagnose.Diagnosis, error) {
	last, err := look()
	if err != nil {
		return nil, err
	}
	if err := last.WriteText(out); err != nil {
		return nil, err
	}
	fmt.Fprintf(out, "looking again every %s; Ctrl-C ends it\n", every)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	unanswered := false
	for {
		select {
		case <-ctx.Done():
			return last, nil
		case <-ticker.C:
		}
		found, err := look()
		at := time.Now().Format(time.TimeOnly)
		switch {
		case ctx.Err() != nil:
			return last, nil
		case err != nil && !unanswered:
			fmt.Fprintf(out, "%s the cluster does not answer: %s\n", at, strings.Join(strings.Fields(err.Error()), " "))
		}
		if unanswered = err != nil; unanswered {
			continue
		}
		for _, line := range changes(last, found) {
			fmt.Fprintf(out, "%s %s\n", at, line)
		}
		last = found
	}
}

// changes are what was found now and not before, and the other way round.
func changes(before, now *diagnose.Diagnosis) []string {
	was, is := before.Report().Symptoms, now.Report().Symptoms
	var lines []string
	for _, s := range is {
		if !has(was, s) {
			lines = append(lines, fmt.Sprintf("new:  %s: %s; fix: %s", s.Name, s.Cause, s.Fix))
		}
	}
	for _, s := range was {
		if !has(is, s) {
			lines = append(lines, fmt.Sprintf("gone: %s: %s", s.Name, s.Cause))
		}
	}
	return lines
}

func has(all []report.Symptom, one report.Symptom) bool {
	return slices.ContainsFunc(all, func(s report.Symptom) bool { return s.Name == one.Name && s.Cause == one.Cause })
}
