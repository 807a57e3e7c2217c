package upgrade

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
)

// run is one repetition of a journey.
type run struct {
	Options
	say        progress.Logf // what happens meanwhile
	stack      *stack.Stack
	journey    journey
	layer      string
	measured   bool
	repetition int
	spoiled    *spoiled

	mesh    *mesh
	traffic *traffic
	made    []report.UpgradeStep
}

// travel makes the journey. It never fails: what went wrong is in the verdict.
func (r *run) travel(ctx context.Context) report.Upgrade {
	u := report.Upgrade{
		From: r.stack.FromCell.Istio, To: r.stack.Cell.Istio, Journey: r.journey.name, Values: r.layer, Repetition: r.repetition,
		Budget: r.Budget, Forced: r.forced(), Phases: []report.PhaseTime{},
	}
	if r.journey.values {
		u.From = u.To
	}
	r.mesh = newMesh(r.stack, r.layer)
	r.mesh.spoiled = r.spoiled
	r.logf("preparing Istio %s", u.From)
	began := time.Now()
	if err := r.mesh.begin(ctx, r.journey.layout, u.From); err != nil {
		refuse(&u, "Istio %s could not be installed before the journey: %v", u.From, err)
		return u
	}
	u.Phases = append(u.Phases, report.PhaseTime{Name: "prepare", Seconds: time.Since(began).Seconds()})
	if err := r.underTraffic(ctx, &u); err != nil {
		refuse(&u, "%v", err)
		return u
	}
	finish(&u, r.made, r.measured)
	return u
}

// forced says whether the journey is made against the rules.
func (r *run) forced() bool { return whyNot(r.stack, r.journey) != "" }

// underTraffic makes every step while traffic runs.
func (r *run) underTraffic(ctx context.Context, u *report.Upgrade) error {
	to, err := r.mesh.addresses(ctx)
	if err != nil {
		return err
	}
	r.logf("traffic enters at %s and %s", to.http, to.https)
	streams := streamKinds(to)
	if err := tryStreams(ctx, streams); err != nil {
		return err
	}
	if r.traffic, err = startTraffic(ctx, kinds(r.stack.Namespace), streams, r.Rate, to); err != nil {
		return err
	}
	defer r.traffic.stop()
	u.Started = r.traffic.started
	witness := hearWitnesses(ctx, r.mesh, r.traffic.end, r.traffic.failed.Load)
	r.soak(ctx, legBefore)
	leg := ""
	for _, s := range r.journey.steps(r.mesh) {
		if leg != "" && leg != s.leg {
			r.soak(ctx, leg)
		}
		leg = s.leg
		if !r.step(ctx, s) {
			break
		}
	}
	r.soak(ctx, leg)
	u.Seconds = r.traffic.second()
	r.traffic.stop()
	u.Traffic = r.traffic.report()
	u.Witnesses = slices.Concat(witness.statements(), r.traffic.failures())
	return nil
}

// step makes one change and looks at what became of it. It returns false when
// the journey must not go on.
func (r *run) step(ctx context.Context, s step) bool {
	before := r.mesh.now
	at := report.UpgradeStep{Name: s.name, Leg: s.leg, From: before.of(s.name), To: s.after.of(s.name), Start: r.traffic.second()}
	r.logf("%s %s: %s -> %s", s.leg, s.name, at.From, at.To)
	err := s.change(ctx)
	at.Changed = r.traffic.second()
	if err != nil {
		at.Failures = append(at.Failures, err.Error())
	} else {
		r.mesh.now = s.after
		at.Observed, at.Failures = r.mesh.verify(ctx, s.after)
	}
	at.End = r.traffic.second()
	r.made = append(r.made, at)
	r.logf("%s %s: changed after %.1f s, checked after %.1f s, %d requests failed so far", s.leg, s.name, at.Changed-at.Start, at.End-at.Changed, r.traffic.failed.Load())
	for _, failure := range at.Failures {
		r.logf("%s %s: %s", s.leg, s.name, failure)
	}
	return len(at.Failures) == 0
}

// soak lets the traffic run while nothing changes.
func (r *run) soak(ctx context.Context, leg string) {
	at := report.UpgradeStep{Name: "soak", Leg: leg, From: r.mesh.now.of("gateway"), To: r.mesh.now.of("gateway"), Start: r.traffic.second()}
	at.Changed = at.Start
	timer := time.NewTimer(r.Soak)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		at.Failures = append(at.Failures, fmt.Sprintf("the journey was stopped: %v", context.Cause(ctx)))
	}
	at.End = r.traffic.second()
	r.made = append(r.made, at)
}

func (r *run) logf(format string, args ...any) {
	r.say("%s #%d: "+format, append([]any{r.journey.name, r.repetition}, args...)...)
}

// of is the version of what a step changes.
func (v versions) of(name string) string {
	switch name {
	case "base":
		return v.base
	case "gateway":
		return v.gateway
	case "workloads":
		return v.workloads
	}
	return strings.Join(v.controlPlanes, "+")
}
