package upgrade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade/installation"
	"istio-conformance/suites/upgrade/traffic"
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

	mesh    *installation.Mesh
	traffic *traffic.Traffic
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
	r.mesh = installation.New(r.stack, r.layer)
	if r.spoiled != nil {
		r.mesh.Spoil = r.spoiled.apply
	}
	r.logf("preparing Istio %s", u.From)
	began := time.Now()
	if err := r.mesh.Begin(ctx, r.journey.layout, u.From); err != nil {
		refuse(&u, "Istio %s could not be installed before the journey: %v", u.From, err)
		return u
	}
	u.Phases = append(u.Phases, report.PhaseTime{Name: "prepare", Seconds: time.Since(began).Seconds()})
	if err := errors.Join(r.underTraffic(ctx, &u), r.mesh.End(ctx)); err != nil {
		refuse(&u, "%v", err)
		return u
	}
	Finish(&u, r.made, r.measured)
	return u
}

// forced says whether the journey is made against the rules.
func (r *run) forced() bool { return whyNot(r.stack, r.journey) != "" }

// underTraffic makes every step while traffic runs.
func (r *run) underTraffic(ctx context.Context, u *report.Upgrade) error {
	to, err := r.mesh.Addresses(ctx)
	if err != nil {
		return err
	}
	r.logf("traffic enters at %s and %s", to.HTTP, to.HTTPS)
	if r.traffic, err = traffic.Start(ctx, r.stack.Namespace, r.Rate, to); err != nil {
		return err
	}
	defer r.traffic.Stop()
	u.Started = r.traffic.Started
	witness := hearWitnesses(ctx, r.mesh, r.traffic.End, r.traffic.Failed.Load)
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
	u.Seconds = r.traffic.Second()
	r.traffic.Stop()
	u.Traffic = r.traffic.Report()
	u.Witnesses = slices.Concat(witness.statements(), r.traffic.Failures())
	return nil
}

// step makes one change and looks at what became of it. It returns false when
// the journey must not go on.
func (r *run) step(ctx context.Context, s step) bool {
	before := r.mesh.Now
	at := report.UpgradeStep{Name: s.name, Leg: s.leg, From: before.Of(s.name), To: s.after.Of(s.name), Start: r.traffic.Second()}
	r.logf("%s %s: %s -> %s", s.leg, s.name, at.From, at.To)
	err := s.change(ctx)
	at.Changed = r.traffic.Second()
	if err != nil {
		at.Failures = append(at.Failures, err.Error())
	} else {
		r.mesh.Now = s.after
		at.Observed, at.Failures = r.mesh.Verify(ctx, s.after)
	}
	at.End = r.traffic.Second()
	r.made = append(r.made, at)
	r.logf("%s %s: changed after %.1f s, checked after %.1f s, %d requests failed so far", s.leg, s.name, at.Changed-at.Start, at.End-at.Changed, r.traffic.Failed.Load())
	for _, failure := range at.Failures {
		r.logf("%s %s: %s", s.leg, s.name, failure)
	}
	return len(at.Failures) == 0
}

// soak lets the traffic run while nothing changes.
func (r *run) soak(ctx context.Context, leg string) {
	at := report.UpgradeStep{Name: "soak", Leg: leg, From: r.mesh.Now.Of("gateway"), To: r.mesh.Now.Of("gateway"), Start: r.traffic.Second()}
	at.Changed = at.Start
	if !kit.Pause(ctx, r.Soak) {
		at.Failures = append(at.Failures, fmt.Sprintf("the journey was stopped: %v", context.Cause(ctx)))
	}
	at.End = r.traffic.Second()
	r.made = append(r.made, at)
}

func (r *run) logf(format string, args ...any) {
	r.say("%s #%d: "+format, append([]any{r.journey.name, r.repetition}, args...)...)
}
