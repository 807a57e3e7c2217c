package upgrade

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade/installation"
	"istio-conformance/suites/upgrade/traffic"
)

const (
	// listenEvery is how often the witness looks whether more requests have failed.
	listenEvery = time.Second
	// mostSaid bounds what is kept, in kinds of entries: who lost the first requests
	// is what explains it. mostDeaf is how often the logs may be unreadable.
	mostSaid, mostDeaf = 20, 3
	// recent is how far back a log is read, in time: since the last look, and what
	// the proxy, which writes its log once a second, had not written then.
	recent = 10 * time.Second
)

// passedOn is what a proxy says of an answer that it only passed on.
const passedOn = "via_upstream"

// statement is what one proxy logged of requests that ended alike.
type statement struct {
	pod   string
	first envoy.AccessLog
	last  time.Time
	count int
	text  string
}

// like says whether an entry of a pod's proxy tells the same.
func (s *statement) like(of *corev1.Pod, entry *envoy.AccessLog) bool {
	f := &s.first
	return s.pod == of.Name && f.Authority == entry.Authority && f.Status == entry.Status && f.ResponseFlags == entry.ResponseFlags &&
		f.Details == entry.Details && f.UpstreamHost == entry.UpstreamHost && f.UpstreamFailure == entry.UpstreamFailure
}

func (s *statement) String() string {
	if s.count == 1 {
		return "a proxy logged: " + s.text
	}
	return fmt.Sprintf("a proxy logged: %s; %d such until %s", s.text, s.count, s.last.Format(traffic.Clock))
}

// witness reads the access logs of the proxies while requests fail. After the step
// it would be too late: the pod that lost one is often gone by then, and its log
// with it.
type witness struct {
	mesh *installation.Mesh
	// heard are the entries that were kept, by proxy and request.
	heard map[string]bool
	said  []statement
	// deaf are failures to read the logs.
	deaf []string
	done chan struct{}
}

// hearWitnesses begins to watch, until end is closed; failed counts the requests
// that have failed so far.
func hearWitnesses(ctx context.Context, m *installation.Mesh, end <-chan struct{}, failed func() int64) *witness {
	w := &witness{mesh: m, heard: map[string]bool{}, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.watch(ctx, end, failed)
	}()
	return w
}

// statements returns what was heard, when the watching is over: first who made an
// answer, then who passed it on.
func (w *witness) statements() []string {
	<-w.done
	slices.SortStableFunc(w.said, func(a, b statement) int {
		switch aside, beside := a.first.Details == passedOn, b.first.Details == passedOn; {
		case aside == beside:
			return a.first.StartTime.Compare(b.first.StartTime)
		case aside:
			return 1
		}
		return -1
	})
	var all []string
	for i := range w.said {
		all = append(all, w.said[i].String())
	}
	return append(all, w.deaf...)
}

func (w *witness) watch(ctx context.Context, end <-chan struct{}, failed func() int64) {
	ticker := time.NewTicker(listenEvery)
	defer ticker.Stop()
	var known int64
	again := false
	for len(w.deaf) < mostDeaf {
		select {
		case <-ctx.Done():
			return
		case <-end:
			return
		case <-ticker.C:
		}
		n := failed()
		if n > known || again {
			if err := w.listen(ctx); err != nil {
				w.deaf = append(w.deaf, "the proxies' logs could not be read: "+err.Error())
			}
		}
		// Once more after the last failure: its entry may not have been written yet.
		again, known = n > known, n
	}
}

// listen reads what the proxies of gateway and workloads have logged lately, also
// of pods that are being ended.
func (w *witness) listen(ctx context.Context) error {
	var all []corev1.Pod
	for _, g := range w.mesh.Groups() {
		pods, err := w.mesh.Stack.Pods(ctx, g.Namespace, g.Selector)
		if err != nil {
			return err
		}
		all = append(all, pods...)
	}
	var errs []error
	for i := range all {
		if !proxyStarted(&all[i]) {
			continue // it has no log yet
		}
		log, err := w.mesh.Stack.PodLog(ctx, &all[i], kit.ProxyContainer, recent)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		w.take(&all[i], log, all)
	}
	return errors.Join(errs...)
}

// proxyStarted says whether the proxy of a pod runs or has run.
func proxyStarted(p *corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses), func(c corev1.ContainerStatus) bool {
		return c.Name == kit.ProxyContainer && c.State.Waiting == nil
	})
}

// take keeps the entries of a proxy's log whose request got no good answer.
func (w *witness) take(of *corev1.Pod, log string, all []corev1.Pod) {
	for line := range strings.Lines(log) {
		entry, err := envoy.ParseAccessLog(line)
		// Status 0: the client gave up and went away. Other hosts are those of the checks,
		// which want a 404 where a route was removed.
		if err != nil || entry.Status > 0 && entry.Status < http.StatusBadRequest || !w.ofTraffic(entry.Authority) {
			continue // the proxy's own log, for people, or an answer
		}
		if key := of.Name + " " + entry.RequestID; !w.heard[key] {
			w.heard[key] = true
			w.keep(of, &entry, all)
		}
	}
}

// keep adds an entry to those like it, or as the first of its kind.
func (w *witness) keep(of *corev1.Pod, entry *envoy.AccessLog, all []corev1.Pod) {
	at := slices.IndexFunc(w.said, func(s statement) bool { return s.like(of, entry) })
	if at < 0 && len(w.said) < mostSaid {
		at = len(w.said)
		w.said = append(w.said, statement{pod: of.Name, first: *entry, last: entry.StartTime, text: state(of, entry, all)})
	}
	if at >= 0 {
		s := &w.said[at]
		s.count++
		if entry.StartTime.After(s.last) {
			s.last = entry.StartTime
		}
	}
}

// ofTraffic says whether a request for the host is the traffic's.
func (w *witness) ofTraffic(host string) bool {
	return host == traffic.AppHost || host == traffic.MeshHost || host == traffic.CalleeHost(w.mesh.Stack.Namespace)
}

// state is an entry in one line.
func state(of *corev1.Pod, entry *envoy.AccessLog, all []corev1.Pod) string {
	text := fmt.Sprintf("%s %s (%s%s): %s%s answered %d %s (%s) after %d ms", entry.StartTime.Format(traffic.Clock), of.Name, installation.ProxyVersion(of), leaving(of),
		entry.Authority, entry.Path, entry.Status, entry.ResponseFlags, entry.Details, entry.Milliseconds)
	if entry.UpstreamHost != "" {
		text += ", upstream " + entry.UpstreamHost + owner(entry.UpstreamHost, all)
	}
	if entry.UpstreamFailure != "" {
		text += ": " + entry.UpstreamFailure
	}
	return text
}

// owner names the pod that has the address.
func owner(address string, all []corev1.Pod) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	for i := range all {
		if all[i].Status.PodIP == host {
			return " of " + all[i].Name + leaving(&all[i])
		}
	}
	return ", of no pod that is there"
}

// leaving says that a pod is being ended.
func leaving(p *corev1.Pod) string {
	if p.DeletionTimestamp == nil {
		return ""
	}
	return ", being ended until " + p.DeletionTimestamp.UTC().Format(time.TimeOnly)
}
