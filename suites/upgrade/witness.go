package upgrade

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/envoy"
	"istio-conformance/suites/kit"
)

const (
	// listenEvery is how often the witness looks whether more requests have failed.
	listenEvery = time.Second
	// mostSaid bounds what is kept: who lost the first requests is what explains it.
	mostSaid = 20
	// recent is how far back a log is read, in time: since the last look, and what
	// the proxy, which writes its log once a second, had not written then.
	recent = 10 * time.Second
)

// witness reads the access logs of the proxies while requests fail. After the step
// it would be too late: the pod that lost one is often gone by then, and its log
// with it.
type witness struct {
	mesh *mesh
	// heard are the entries that were kept, by proxy and request.
	heard map[string]bool
	said  []string
	done  chan struct{}
}

// hearWitnesses begins to watch, until end is closed; failed counts the requests
// that have failed so far.
func hearWitnesses(ctx context.Context, m *mesh, end <-chan struct{}, failed func() int64) *witness {
	w := &witness{mesh: m, heard: map[string]bool{}, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.watch(ctx, end, failed)
	}()
	return w
}

// statements returns what was heard, when the watching is over.
func (w *witness) statements() []string {
	<-w.done
	return w.said
}

func (w *witness) watch(ctx context.Context, end <-chan struct{}, failed func() int64) {
	ticker := time.NewTicker(listenEvery)
	defer ticker.Stop()
	var known int64
	again := false
	for len(w.said) < mostSaid {
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
				w.said = append(w.said, "the proxies' logs could not be read: "+err.Error())
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
	for _, g := range w.mesh.groups() {
		pods, err := w.mesh.stack.Pods(ctx, g.namespace, g.selector)
		if err != nil {
			return err
		}
		all = append(all, pods...)
	}
	for i := range all {
		if !proxyStarted(&all[i]) {
			continue // it has no log yet
		}
		log, err := w.mesh.stack.PodLog(ctx, &all[i], kit.ProxyContainer, recent)
		if err != nil {
			return err
		}
		w.take(&all[i], log, all)
	}
	return nil
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
		key := of.Name + " " + entry.RequestID
		if w.heard[key] || len(w.said) >= mostSaid {
			continue
		}
		w.heard[key] = true
		w.said = append(w.said, state(of, &entry, all))
	}
}

// ofTraffic says whether a request for the host is the traffic's.
func (w *witness) ofTraffic(host string) bool {
	return host == appHost || host == meshHost || host == calleeHost(w.mesh.stack.Namespace)
}

// state is an entry in one line.
func state(of *corev1.Pod, entry *envoy.AccessLog, all []corev1.Pod) string {
	text := fmt.Sprintf("%s %s (%s%s): %s%s answered %d %s (%s) after %d ms", entry.StartTime.Format("15:04:05.000"), of.Name, proxyVersion(of), leaving(of),
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
