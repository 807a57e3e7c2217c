package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/questions"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade"
	"istio-conformance/suites/upgrade/traffic"
)

const (
	// mostKinds is how many questions are sent again and again through the gateways, and
	// mostFlows how many inside the mesh.
	mostKinds = 6
	mostFlows = 4
	// flowEvery is the time between two requests of a flow.
	flowEvery = "50ms"
)

// loss counts the requests that are lost while Istio is upgraded.
type loss struct {
	traffic *traffic.Traffic
	upgrade report.Upgrade
	steps   []report.UpgradeStep
	flows   []*flow
	began   time.Time
}

// flow is one request that the client in the mesh sends again and again.
type flow struct {
	name, url string
	report    struct {
		Sent, Failed int
		Failures     []struct{ Error string }
	}
}

// startTraffic begins with those questions that the old version answers well.
func (r *Rehearsal) startTraffic(ctx context.Context, before round) (*loss, error) {
	l := &loss{began: time.Now(), upgrade: report.Upgrade{From: r.From.String(), To: r.To.String(), Journey: "in-place", Values: "captured", Repetition: 1, Phases: []report.PhaseTime{}}}
	var requests []traffic.Request
	for _, q := range r.Plan.Questions.Questions {
		a := before[q.Key()]
		if a == nil || !a.Stable() || !a.Usual().OK() || q.Orders() || q.Marked || q.Method != http.MethodGet || len(q.Headers) > 0 || !strings.HasPrefix(q.URL, "http:") {
			continue
		}
		switch {
		case q.Via != "" && len(requests) < mostKinds:
			at, err := r.fromHere(ctx, q.URL)
			if err != nil {
				return nil, err
			}
			requests = append(requests, traffic.Request{Name: fmt.Sprintf("gateway-%d", len(requests)+1), Description: q.String(), URL: at, Host: q.Host})
		case q.Asker == questions.Client && len(l.flows) < mostFlows:
			l.flows = append(l.flows, &flow{name: fmt.Sprintf("mesh-%d", len(l.flows)+1), url: q.URL})
		}
	}
	for _, f := range l.flows {
		query := url.Values{"url": {f.url}, "every": {flowEvery}, "workers": {"1"}}
		if err := r.order(ctx, questions.Client, http.MethodPut, "flows/"+f.name+"?"+query.Encode(), nil, nil); err != nil {
			return nil, err
		}
	}
	if len(requests) == 0 {
		return l, nil
	}
	var err error
	l.traffic, err = traffic.Send(ctx, r.Rate, requests)
	if err == nil {
		l.upgrade.Started = l.traffic.Started
	}
	return l, err
}

// fromHere is a gateway's URL, which names its Service, at a node port of it.
func (r *Rehearsal) fromHere(ctx context.Context, text string) (string, error) {
	at, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	parts := strings.Split(at.Hostname(), ".")
	service := &corev1.Service{}
	if err := r.Stack.Client.Get(ctx, client.ObjectKey{Namespace: parts[1], Name: parts[0]}, service); err != nil {
		return "", fmt.Errorf("get Service %s/%s: %w", parts[1], parts[0], err)
	}
	for _, p := range service.Spec.Ports {
		if fmt.Sprint(p.Port) == at.Port() && p.NodePort != 0 {
			at.Host, err = r.Stack.NodeAddress(ctx, p.NodePort)
			return at.String(), err
		}
	}
	return "", fmt.Errorf("no node port of Service %s/%s leads to port %s", parts[1], parts[0], at.Port())
}

func (l *loss) second() float64 {
	if l.traffic != nil {
		return l.traffic.Second()
	}
	return time.Since(l.began).Seconds()
}

// soak lets requests run while nothing changes.
func (l *loss) soak(ctx context.Context) {
	at := report.UpgradeStep{Name: "soak", Leg: "before", From: l.upgrade.From, To: l.upgrade.From, Start: l.second()}
	if len(l.steps) > 0 {
		at.Leg, at.From, at.To = "forward", l.upgrade.To, l.upgrade.To
	}
	kit.Pause(ctx, soak) // What follows says that everything ends.
	at.Changed, at.End = at.Start, l.second()
	l.steps = append(l.steps, at)
}

func (l *loss) stop() {
	if l.traffic != nil {
		l.traffic.Stop()
	}
}

// count ends the traffic and takes down what came of it.
func (l *loss) count(ctx context.Context, r *Rehearsal) error {
	l.upgrade.Seconds = l.second()
	l.stop()
	if l.traffic != nil {
		l.upgrade.Traffic = l.traffic.Report()
		l.upgrade.Witnesses = l.traffic.Failures()
		// Measured: how many may be lost with the user's own values is the user's to say.
		upgrade.Finish(&l.upgrade, l.steps, true)
	}
	for _, f := range l.flows {
		if err := r.order(ctx, questions.Client, http.MethodDelete, "flows/"+f.name, nil, &f.report); err != nil {
			return err
		}
	}
	return nil
}

// tell says what was lost.
func (l *loss) tell(to *finding.Report) {
	u := &l.upgrade
	sent, failed := u.Requests, u.Failed
	for i := range u.Traffic {
		if t := &u.Traffic[i]; t.Failed > 0 {
			to.Findings = append(to.Findings, lost(t.Description, t.Failed, t.Requests, first(u.Witnesses)))
		}
	}
	for _, f := range l.flows {
		sent, failed = sent+f.report.Sent+f.report.Failed, failed+f.report.Failed
		if f.report.Failed > 0 {
			why := ""
			if len(f.report.Failures) > 0 {
				why = f.report.Failures[0].Error
			}
			to.Findings = append(to.Findings, lost("client asks GET "+f.url, f.report.Failed, f.report.Sent+f.report.Failed, why))
		}
	}
	if sent == 0 {
		to.NotLooked = append(to.NotLooked, "requests during the upgrade: no question without headers is answered well")
		return
	}
	to.Looked = append(to.Looked, fmt.Sprintf("%d requests during the upgrade of %.0f s, through gateways (%s) and inside the mesh (%s): %d failed", sent, u.Seconds, wording.Plural(len(u.Traffic), "kind"), wording.Plural(len(l.flows), "kind"), failed))
	for _, reason := range u.Reasons {
		to.NotLooked = append(to.NotLooked, "the loss during the upgrade as a measurement: "+reason)
	}
}

func first(of []string) string {
	if len(of) == 0 {
		return ""
	}
	return of[0]
}

func lost(what string, failed, sent int, why string) finding.Finding {
	return finding.Finding{
		Level: finding.Look, Rule: "lost", Why: fmt.Sprintf("%s: %d of %d requests failed while Istio was upgraded; values that lose fewer: docs/upgrade.md", what, failed, sent), After: why,
	}
}
