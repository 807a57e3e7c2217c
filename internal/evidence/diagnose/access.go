package diagnose

import (
	"cmp"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"istio-conformance/internal/mesh/envoy"
)

// textAccess is Istio's default format of access logs: method, path, status, flags,
// details, failure; later authority, host and cluster; at the end who asked, the
// server name and the route.
// Source: https://istio.io/latest/docs/tasks/observability/logs/access-log/
var textAccess = regexp.MustCompile(`^\[([^\]]+)\] "(\S+) (\S+) [^"]*" (\d+) (\S+) (\S+) \S+ "([^"]*)" \d+ \d+ \d+ \S+ "[^"]*" "[^"]*" "[^"]*" "([^"]*)" "([^"]*)" (\S+)(?: \S+ \S+ (\S+) (\S+) (\S+))?`)

// accessEntry makes a record of a line that is an access log entry, and says so.
func (w *world) accessEntry(file string, log map[string]string, line string) bool {
	// With timestamps of the API server: a time, a blank, the line itself.
	_, line, found := strings.Cut(line, " ")
	if !found {
		return false
	}
	entry, is := parseAccess(line)
	if !is {
		return false
	}
	source, _, err := net.SplitHostPort(entry.RemoteAddress)
	if err != nil {
		source = entry.RemoteAddress
	}
	w.add("access", file, shorten(line), "pod", log["pod"], "ns", log["ns"], "role", log["role"], "flags", entry.ResponseFlags,
		"status", strconv.Itoa(entry.Status), "host", entry.Authority, "path", entry.Path, "cluster", entry.UpstreamCluster,
		"failure", entry.UpstreamFailure, "details", entry.Details, "route", entry.RouteName, "source", source, "sni", entry.ServerName,
		"upstream", entry.UpstreamHost, "time", entry.StartTime.UTC().Format(time.RFC3339), "past", "false", "over", "")
	return true
}

// parseAccess reads an entry in JSON or in Istio's default format.
func parseAccess(line string) (envoy.AccessLog, bool) {
	if strings.HasPrefix(line, "{") {
		entry, err := envoy.ParseAccessLog(line)
		return entry, err == nil
	}
	m := textAccess.FindStringSubmatch(line)
	if m == nil {
		return envoy.AccessLog{}, false
	}
	status, err := strconv.Atoi(m[4])
	if err != nil {
		return envoy.AccessLog{}, false
	}
	at, err := time.Parse(time.RFC3339, m[1])
	if err != nil {
		return envoy.AccessLog{}, false
	}
	none := func(s string) string { return strings.Trim(s, "-") }
	return envoy.AccessLog{
		StartTime: at, Method: m[2], Path: m[3], Status: status, ResponseFlags: none(m[5]), Details: m[6], UpstreamFailure: m[7],
		Authority: m[8], UpstreamHost: m[9], UpstreamCluster: strings.TrimSuffix(m[10], ";"),
		RemoteAddress: none(m[11]), ServerName: none(m[12]), RouteName: none(m[13]),
	}, true
}

// lasting are the flags of failures that every request of a kind meets, until
// something is changed; of others one in several may fail.
var lasting = regexp.MustCompile(`(^|,)(NC|NR|FI|UPE)(,|$)`)

// noEndpoint is the flag of requests for which an upstream had no endpoint.
var noEndpoint = regexp.MustCompile(`(^|,)UH(,|$)`)

// noCluster is the flag of requests of which the route's upstream was not there, as for a
// moment after it was made.
var noCluster = regexp.MustCompile(`(^|,)NC(,|$)`)

// markPast marks the failures in access logs that a request of now would not meet: what
// they met is no longer in the proxy's configuration, or later requests were answered.
func (w *world) markPast() {
	entries := w.records["access"]
	for i := range entries {
		f := entries[i].Fields
		if f["flags"] == "" && f["status"] < "400" {
			continue
		}
		why := cmp.Or(w.unmade(f), w.answeredSince(entries[i+1:], f), servedSince(entries[i+1:], f))
		if why != "" {
			f["past"], f["over"] = "true", why
		}
	}
	// From here on the newest come first: they say best what is wrong now.
	slices.Reverse(entries)
}

// unmade says in which way a proxy is no longer as it was when a request failed.
func (w *world) unmade(f map[string]string) string {
	namespace, name := split(f["pod"])
	known := w.configured(namespace, name)
	host, _, _ := strings.Cut(f["host"], ":")
	switch {
	case strings.HasPrefix(f["details"], "rbac_access_denied"):
		return w.policyGone(f)
	case strings.HasPrefix(f["details"], "jwt_authn_access_denied"):
		if p := w.pod(namespace, name); p != nil && w.seen(namespace, systemMeshNS) && !slices.ContainsFunc(w.others[requestAuthKind], func(o object) bool { return applies(&o, p) }) {
			return "no RequestAuthentication applies to it any more"
		}
	case f["flags"] != "" && w.endpointGone(f):
		return "the endpoint is gone"
	case known == nil:
	case f["role"] == "gateway" && host != "" && !known.serves(host):
		return "the gateway does not serve the host any more"
	case f["cluster"] != "" && strings.HasPrefix(f["cluster"], "outbound|") && !known.clusters[f["cluster"]]:
		return "the upstream is no longer configured"
	case noEndpoint.MatchString(f["flags"]) && known.healthy[f["cluster"]]:
		return "the upstream has an endpoint now"
	}
	return ""
}

// answeredSince says that later requests for the same were answered.
func (w *world) answeredSince(later []Record, f map[string]string) string {
	need := 3
	if lasting.MatchString(f["flags"]) || f["status"] == "401" || f["status"] == "403" {
		need = 1
	}
	path, _, _ := strings.Cut(f["path"], "?")
	if f["host"] == "" {
		return "" // connections that say nothing of themselves are not the same
	}
	for _, r := range later {
		other, _, _ := strings.Cut(r.Fields["path"], "?")
		if r.Fields["pod"] != f["pod"] || r.Fields["host"] != f["host"] || other != path {
			continue
		}
		if noCluster.MatchString(f["flags"]) {
			if noCluster.MatchString(r.Fields["flags"]) {
				continue
			}
			return "later requests found the upstream" // whatever became of them
		}
		if r.Fields["flags"] != "" || r.Fields["status"] >= "400" {
			return "" // it, or another one, failed again
		}
		if need--; need == 0 {
			return "later requests were answered"
		}
	}
	return ""
}

// wrongProtocol is the flag of requests that an upstream did not answer by the rules of
// the protocol that the proxy speaks to it.
var wrongProtocol = regexp.MustCompile(`(^|,)UPE(,|$)`)

// servedSince says that an upstream which broke the protocol answered another request
// later: it speaks that protocol, and broke it over the one request, such as one whose
// headers were too large for it.
func servedSince(later []Record, f map[string]string) string {
	if wrongProtocol.MatchString(f["flags"]) && f["cluster"] != "" && slices.ContainsFunc(later, func(r Record) bool {
		return r.Fields["pod"] == f["pod"] && r.Fields["cluster"] == f["cluster"] && r.Fields["flags"] == "" && r.Fields["status"] < "500"
	}) {
		return "the upstream answered other requests later"
	}
	return ""
}

// endpointGone says whether no pod has the address of the endpoint that failed; only
// where all pods of the Service's namespace are known.
func (w *world) endpointGone(f map[string]string) bool {
	ip, _, err := net.SplitHostPort(f["upstream"])
	parts := strings.Split(f["cluster"], "|")
	if err != nil || len(parts) != 4 || !strings.HasSuffix(parts[3], clusterDomain) {
		return false
	}
	name := strings.Split(parts[3], ".")
	if len(name) < 2 || !w.listed(name[1], podsKind) {
		return false
	}
	for i := range w.pods {
		if w.pods[i].Namespace == name[1] && w.pods[i].Status.PodIP == ip {
			return w.pods[i].DeletionTimestamp != nil
		}
	}
	return true
}

// matchedPolicy is how Envoy's details name the policy that refused a request.
var matchedPolicy = regexp.MustCompile(`ns\[([^\]]+)\]-policy\[([^\]]+)\]`)

// policyGone says that the policy that refused a request is not there any more.
func (w *world) policyGone(f map[string]string) string {
	pod := w.pod(split(f["pod"]))
	if pod == nil {
		return ""
	}
	named := matchedPolicy.FindStringSubmatch(f["details"])
	if named != nil && !w.seen(named[1]) || named == nil && !w.seen(pod.Namespace, systemMeshNS) {
		return ""
	}
	for i := range w.others[wasmKind] {
		if named == nil && applies(&w.others[wasmKind][i], pod) {
			return "" // the agent denies in place of a module that it could not fetch
		}
	}
	for i := range w.others[policiesKind] {
		p := &w.others[policiesKind][i]
		if named != nil && p.GetNamespace() == named[1] && p.GetName() == named[2] || named == nil && applies(p, pod) {
			return ""
		}
	}
	return "no such policy applies to it any more"
}

// seen says whether namespaces were looked at.
func (w *world) seen(namespaces ...string) bool {
	return !slices.ContainsFunc(namespaces, func(ns string) bool { return !w.listed(ns, servicesKind) })
}
