package diagnose

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/mesh/istio"
)

// observeTexts makes records of logs and of what was said.
func (w *world) observeTexts() {
	for _, name := range w.glob("namespaces/*/logs/*/*.log") {
		parts := strings.Split(name, "/")
		container, previous := strings.CutSuffix(strings.TrimSuffix(parts[4], ".log"), ".previous")
		pod := w.pod(parts[1], parts[3])
		if pod == nil {
			continue // it is gone, and what it said with it
		}
		fields := map[string]string{"pod": id(parts[1], parts[3]), "ns": parts[1], "role": role(pod), "podReady": yes(evidence.Ready(pod)),
			"container": container, "previous": yes(previous)}
		var lines []string
		for _, line := range w.lines(name) {
			if !w.accessEntry(name, fields, line) {
				lines = append(lines, line)
			}
		}
		w.texts = append(w.texts, text{"log", fields, name, lines})
	}
	w.texts = append(w.texts, text{said, nil, "said.txt", w.lines("said.txt")})
}

func (w *world) pod(namespace, name string) *corev1.Pod {
	for i := range w.pods {
		if p := &w.pods[i]; p.Namespace == namespace && p.Name == name && p.DeletionTimestamp == nil {
			return p
		}
	}
	return nil
}

// observeProxies makes records of what proxies and istiods say of the configuration.
func (w *world) observeProxies() {
	for _, folder := range w.glob("proxies/*/*") {
		parts := strings.Split(folder, "/")
		pod := w.pod(parts[1], parts[2])
		if pod == nil {
			continue
		}
		owner := []string{"pod", id(parts[1], parts[2]), "ns", parts[1], "role", role(pod)}
		w.observeDump(path.Join(folder, "config_dump.json"), owner)
		w.observeStats(path.Join(folder, "stats.txt"), owner)
		w.observeCertificates(path.Join(folder, "certs.json"), owner)
		w.observeListeners(path.Join(folder, "config_dump.json"), owner)
		w.observeUpstreams(path.Join(folder, "clusters.json"), owner)
		w.observeUnloaded(folder, owner)
	}
	for _, name := range w.glob("istiod/*/*/syncz.json") {
		content, err := fs.ReadFile(w.files, name)
		if err != nil {
			continue
		}
		proxies, err := istio.ParseSyncz(content)
		if err != nil {
			w.Missing = append(w.Missing, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		for _, p := range proxies {
			w.observeSync(name, p)
		}
	}
}

func (w *world) observeSync(file string, p istio.ProxyStatus) {
	pod := id(p.Namespace(), strings.TrimSuffix(p.ID, "."+p.Namespace()))
	for _, reason := range append(p.Unsynced(), "") {
		state, what := "synced", ""
		if reason != "" {
			what, reason, _ = strings.Cut(reason, ": ")
			switch {
			case strings.HasPrefix(reason, "refused") && w.overSecret(p, what):
				what, reason = "", "" // what was refused is gone, and nothing was sent since
			case strings.HasPrefix(reason, "refused"):
				state = "refused"
			case strings.HasPrefix(reason, "stale"):
				state = "stale"
			default:
				state = "not-sent"
			}
		}
		w.add("sync", file, strings.TrimSpace(fmt.Sprintf("proxy %s: %s %s %s", p.ID, state, what, shorten(reason))),
			"pod", pod, "ns", p.Namespace(), "role", p.Type, "type", what, "state", state, "details", reason)
	}
}

// overSecret says whether a refusal of a secret is over: the proxy has none that it did
// not load. istiod keeps the refusal until it sends another secret.
func (w *world) overSecret(p istio.ProxyStatus, what string) bool {
	folder := path.Join("proxies", p.Namespace(), strings.TrimSuffix(p.ID, "."+p.Namespace()))
	_, err := fs.Stat(w.files, path.Join(folder, "certs.json"))
	return strings.HasSuffix(what, ".Secret") && err == nil && len(w.unloaded(folder)) == 0
}

// dumpKinds are the parts of a config dump that can be warming or refused.
// Source: envoy/admin/v3/config_dump_shared.proto.
var dumpKinds = []struct{ list, kind, warming, name string }{
	{"dynamic_listeners", "listener", "warming_state", "name"},
	{"dynamic_warming_clusters", "cluster", "", "cluster.name"},
	{"dynamic_warming_secrets", "secret", "", "name"},
	{"dynamic_active_secrets", "secret", "", "name"},
	{"dynamic_active_clusters", "cluster", "", "cluster.name"},
	{"dynamic_route_configs", "route", "", "route_config.name"},
}

func (w *world) observeDump(file string, owner []string) {
	content, err := fs.ReadFile(w.files, file)
	if err != nil {
		return
	}
	var dump struct {
		Configs []map[string]any `json:"configs"`
	}
	if err := json.Unmarshal(content, &dump); err != nil {
		w.Missing = append(w.Missing, fmt.Sprintf("%s: %v", file, err))
		return
	}
	left := unreferred(dump.Configs)
	for _, section := range dump.Configs {
		for _, k := range dumpKinds {
			for _, entry := range list(section, k.list) {
				if k.kind == "secret" && left(str(entry, "name")) {
					continue
				}
				w.observeEntry(file, owner, k.kind, str(entry, strings.Split(k.name, ".")...), k.list, k.warming, entry)
			}
		}
	}
}

// unreferred returns a function that says whether no listener or cluster in use refers to
// a secret: those that did were removed. Envoy still waits for the secret.
func unreferred(sections []map[string]any) func(secret string) bool {
	var inUse strings.Builder
	listeners := false // a dump of secrets alone says nothing of what refers to them
	for _, section := range sections {
		var parts []any
		listeners = listeners || section["dynamic_listeners"] != nil
		for _, l := range list(section, "dynamic_listeners") {
			parts = append(parts, l["active_state"], l["warming_state"])
		}
		for _, key := range []string{"static_listeners", "static_clusters", "dynamic_active_clusters", "dynamic_warming_clusters"} {
			parts = append(parts, section[key])
		}
		// It was JSON a moment ago.
		content, _ := json.Marshal(parts)
		inUse.Write(content)
	}
	return func(secret string) bool {
		return listeners && !strings.Contains(inUse.String(), `"name":"`+secret+`"`)
	}
}

func (w *world) observeEntry(file string, owner []string, kind, name, section, warming string, entry map[string]any) {
	note := func(state, details string) {
		w.add("envoy", file, strings.TrimSpace(fmt.Sprintf("%s: %s %s is %s %s", owner[1], kind, name, state, shorten(details))),
			append([]string{"kind", kind, "name", name, "state", state, "details", details}, owner...)...)
	}
	if details := str(entry, "error_state", "details"); details != "" {
		note("rejected", details)
	}
	state, isWarming := entry[warming].(map[string]any)
	if warming == "" {
		state, isWarming = entry, strings.Contains(section, "warming")
	}
	// What has only just arrived is always warming for a moment.
	if since, err := time.Parse(time.RFC3339, str(state, "last_updated")); isWarming && (err != nil || w.now.Sub(since) > 10*time.Second) {
		note("warming", "since "+str(state, "last_updated"))
	}
}

// keptStats are the statistics that symptoms ask for.
var keptStats = regexp.MustCompile(`^(control_plane\.connected_state|listener_manager\.lds\.update_rejected|cluster_manager\.cds\.update_rejected|server\.live|server\.days_until_first_cert_expiring|server\.state|tcp\.rbac\.denied|listener\..*\.ssl\.fail_verify_(no_cert|error)|overload\..*|cluster\.[^.]*outbound.*\.(upstream_cx_overflow|upstream_rq_pending_overflow|membership_healthy|membership_total))$`)

func (w *world) observeStats(file string, owner []string) {
	for _, line := range w.lines(file) {
		name, value, found := strings.Cut(line, ": ")
		if found && keptStats.MatchString(name) {
			w.add("stat", file, line, append([]string{"name", name, "value", strings.TrimSpace(value)}, owner...)...)
		}
	}
}

func (w *world) observeCertificates(file string, owner []string) {
	content, err := fs.ReadFile(w.files, file)
	if err != nil {
		return
	}
	var certs struct {
		Certificates []map[string]any `json:"certificates"`
	}
	if err := json.Unmarshal(content, &certs); err != nil {
		return
	}
	for _, pair := range certs.Certificates {
		for _, part := range []string{"ca_cert", "cert_chain"} {
			for _, c := range list(pair, part) {
				until, err := time.Parse(time.RFC3339, str(c, "expiration_time"))
				if err != nil {
					continue
				}
				var names []string
				for _, n := range list(c, "subject_alt_names") {
					names = append(names, str(n, "dns")+str(n, "uri"))
				}
				w.add("certificate", file, fmt.Sprintf("%s: certificate for %s, valid until %s", owner[1], strings.Join(names, " "), until.Format(time.RFC3339)),
					append([]string{"subject", strings.Join(names, " "), "expired", yes(until.Before(w.now)), "until", until.Format(time.RFC3339), "root", yes(part == "ca_cert")}, owner...)...)
			}
		}
	}
}

// throttlingFloor is the share of periods, in percent, from which waiting for CPU
// time is worth telling, and how many periods make a share.
const (
	throttlingFloor   = 25
	throttlingPeriods = 100
)

func (w *world) observeThrottling() {
	const file = "cluster/throttling.txt"
	type counters struct{ all, throttled float64 }
	found := map[[3]string]*counters{}
	page := strings.Join(w.lines(file), "\n")
	for _, name := range []string{"container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total"} {
		samples, err := envoy.Samples(page, name)
		if err != nil {
			w.Missing = append(w.Missing, fmt.Sprintf("%s: %v", file, err))
			continue
		}
		for _, s := range samples {
			key := [3]string{s.Labels["namespace"], s.Labels["pod"], s.Labels["container"]}
			if key[2] == "" {
				continue
			}
			if found[key] == nil {
				found[key] = &counters{}
			}
			if name == "container_cpu_cfs_periods_total" {
				found[key].all = s.Value
			} else {
				found[key].throttled = s.Value
			}
		}
	}
	for key, c := range found {
		pod := w.pod(key[0], key[1])
		if pod == nil || c.all == 0 {
			continue
		}
		percent := 100 * c.throttled / c.all
		w.add("throttling", file, fmt.Sprintf("Pod %s/%s: container %s waited in %.0f of %.0f periods", key[0], key[1], key[2], c.throttled, c.all),
			"pod", id(key[0], key[1]), "ns", key[0], "container", key[2], "role", role(pod), "percent", fmt.Sprintf("%.0f", percent),
			"throttled", yes(c.all >= throttlingPeriods && percent >= throttlingFloor))
	}
}
