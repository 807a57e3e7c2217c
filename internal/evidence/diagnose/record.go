package diagnose

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// sources are what a clause can ask for, with the fields of its records. A pod, a
// service and other objects of a namespace are written "namespace/name"; yes and no
// are "true" and "false"; what cannot be known is "unknown".
var sources = map[string][]string{
	// A pod. role is istiod, gateway, sidecar or plain; wanted says that its namespace
	// or it itself asks for a sidecar, asked by what: namespace, label or annotation.
	// injectors counts the webhooks that would inject it, if it was made now; mtls is what
	// it asks of those who connect, as in rule. rev is the revision that its label asks for;
	// labelled is by what it would ask for a sidecar if it had a network of its own.
	"pod": {"pod", "ns", "role", "phase", "ready", "reason", "message", "node", "injected", "wanted", "asked", "hostNetwork", "injectors", "mtls", "rev", "labelled"},
	// A container. last* is how it ended before, recent says that this was in the last
	// ten minutes; young is one of a pod of less than a minute.
	"container": {"pod", "ns", "role", "podReady", "container", "init", "image", "state", "reason", "message", "exit", "restarts", "lastReason", "lastExit", "lastMessage", "recent", "young"},
	// A condition of any object, and pod where it is a pod. part is the listener or the
	// parent that it is about.
	"condition": {"kind", "object", "ns", "pod", "part", "type", "status", "reason", "message"},
	// An event of an object that is still there. ready says whether the object is as
	// it should be; recent whether the event is from the last ten minutes.
	"event": {"kind", "object", "ns", "pod", "type", "reason", "message", "ready", "recent"},
	// A line of a container's log that is no access log.
	"log": {"pod", "ns", "role", "podReady", "container", "previous", "line"},
	// An entry of a proxy's access log. past says that a request of now would not meet
	// what this one met, and why.
	"access": {"pod", "ns", "role", "flags", "status", "host", "path", "method", "cluster", "failure", "details", "route", "source", "sni", "upstream", "time", "past", "over"},
	// A webhook. backend is ready, no-endpoints, no-service, url or unknown; ca is ok,
	// empty, other (not the mesh's root), expired, unreadable or unknown.
	"webhook": {"config", "webhook", "kind", "istio", "service", "backend", "policy", "ca"},
	// A webhook configuration that was changed often, and that istiod wrote a moment ago
	// although it has been running for long.
	"writers": {"config", "kind", "changes", "since", "by", "started"},
	// A namespace. served says whether an injector takes the revision it asks for;
	// stuck is one that is being deleted for five minutes. discovered says whether the
	// discoverySelectors of its istiod select it, selectors what they are.
	"namespace": {"ns", "injection", "rev", "served", "phase", "stuck", "injectors", "discovered", "selectors"},
	// A Service. selected counts the pods that its selector matches, or is "idle" where
	// it would match those of a workload that has none; endpoints counts the
	// ready ones, or is "starting" while all its pods are young; pending is a load balancer without an address for a minute.
	"service": {"service", "ns", "type", "pending", "selector", "selected", "endpoints", "role", "policy", "uncovered"},
	// A port of a Service. declared is the protocol by its name or appProtocol; target
	// is ok, unknown-name (no pod has a port of that name) or unknown.
	"port": {"service", "ns", "port", "name", "declared", "target", "targetPort"},
	// An Istio Gateway, and each of its servers. scoped says that istiod ignores it for
	// its pods, because it lies in another namespace. secret is ok, missing,
	// no-certificate, no-ca, expired, none or unknown; exposed says whether the gateway's
	// Service has the port. lost is protocol or host where the older Gateway winner has
	// the port or the TLS host. redirect is nowhere where every server of its hosts sends
	// requests on to https.
	"gateway": {"gateway", "ns", "selector", "pods", "scoped"},
	"server":  {"gateway", "ns", "port", "protocol", "mode", "credential", "secret", "exposed", "selector", "lost", "winner", "winnerProtocol", "lostHost", "redirect", "hosts"},
	// A destination of a VirtualService. status, subsetStatus and portStatus are ok,
	// missing or unknown; subsetStatus may be no-pods, hidden where only rule, which
	// the gateway does not get, defines it, or overridden where rule decides for the
	// gateway and does not define it. resolution is that of a ServiceEntry; gateways
	// counts the gateway pods that use the route, mesh says whether sidecars do. originates
	// says whether a DestinationRule lets proxies speak TLS to the destination, failing
	// whether a request that was sent there was answered with an error.
	"route": {"virtualservice", "ns", "kind", "destination", "service", "status", "subset", "subsetStatus", "rule", "port", "portStatus", "declared", "resolution", "gateways", "mesh", "originates", "failing", "hosts"},
	// A Gateway that a VirtualService names. status is ok, missing, unknown, hidden
	// where exportTo leaves out the gateway's namespace, or no-host where the Gateway
	// takes none of its hosts from that namespace.
	"attachment": {"virtualservice", "ns", "gateway", "status", "exportTo", "hosts", "gatewayHosts"},
	// A request that a gateway had no route for: state is no-host, swallowed where
	// virtualservice has the more specific host and other would have the path, star
	// where it has a pattern with a star, which is taken literally, conditions where a route
	// fits the path and asks for pattern too, or no-path where there are other paths only.
	"miss": {"host", "path", "pod", "state", "virtualservice", "bestHost", "other", "otherHost", "pattern"},
	// A rule of an AuthorizationPolicy that would have let a request pass but for one field.
	"nearmiss": {"object", "pod", "host", "path", "field", "wanted", "had", "port"},
	// A request of which a VirtualService decided the outcome: by an injected fault, or
	// by its timeout.
	"answer": {"host", "path", "pod", "virtualservice", "flags", "status", "timeout", "fault", "past"},
	// A route of a VirtualService that is never asked, because an older VirtualService of
	// the same host and Gateway takes its paths.
	"shadow": {"virtualservice", "ns", "other", "host", "path", "otherPath"},
	// A route that an earlier one of the same VirtualService takes everything from; a
	// rewrite that changes slashes, with an example; a delegate that istiod does not find.
	"unasked":  {"virtualservice", "ns", "path", "by", "hosts"},
	"rewrite":  {"virtualservice", "ns", "prefix", "to", "example", "becomes"},
	"delegate": {"virtualservice", "ns", "delegate", "why", "hosts"},
	// A route of which the timeout is up before the first of its tries is.
	"retry": {"virtualservice", "ns", "timeout", "perTry", "attempts"},
	// A proxy of another minor version than is supported beside istiod: state is older or newer.
	"skew": {"pod", "ns", "role", "proxy", "istiod", "state"},
	// An Ingress without a class.
	"ingress": {"object", "ns"},
	// A VirtualService for the name of a Service that sidecars do not use.
	"meshless": {"virtualservice", "ns", "host", "service", "gateways"},
	// A VirtualService of which a Gateway asks none of the kinds of routes that it has.
	"routekind": {"virtualservice", "ns", "gateway", "has", "asked", "server", "hosts"},
	// A connection to a gateway by TLS for a name that none of its servers has.
	"handshake": {"pod", "asked", "source", "hosts"},
	// A failure where a DestinationRule made the proxy speak HTTP/2 to a port of HTTP/1.1.
	"forced": {"rule", "ns", "service", "port", "host", "status", "flags", "pod", "details"},
	// A port that an annotation keeps from the sidecar, and to which requests fail.
	"excluded": {"pod", "ns", "service", "annotation", "port", "status", "object"},
	// An object that selects no pod of its namespace; elsewhere are the namespaces of
	// proxies that have the labels.
	"selection": {"kind", "object", "ns", "selector", "elsewhere"},
	// A PeerAuthentication that is not used for a pod, because an older one is.
	"peer": {"object", "ns", "pod", "older"},
	// An AuthorizationPolicy that asks for fields of HTTP on a port of TCP.
	"layer": {"object", "ns", "pod", "service", "port", "declared", "action", "fields", "effect"},
	// The provider of an AuthorizationPolicy of action CUSTOM: state is ok, missing,
	// other (no authorizer), no-service where service does not exist, or unknown.
	"provider": {"object", "ns", "provider", "state", "service"},
	// An EnvoyFilter whose port is a Service's and not the pods'.
	"filterport": {"object", "ns", "port", "service", "target"},
	// A WasmPlugin.
	"wasm": {"object", "ns", "url", "strategy"},
	// A pod of a Job of which only the sidecar still runs.
	"kept": {"pod", "ns", "job"},
	// A probe by HTTP that the kubelet sends past the agent; port is its number.
	"probe": {"pod", "ns", "container", "kind", "port", "mtls", "ready", "service"},
	// Of the Gateway API: a parent, a port of a backend and a class that do not exist.
	"parent":  {"kind", "object", "ns", "parent"},
	"backend": {"kind", "object", "ns", "service", "port", "has", "hosts"},
	"class":   {"object", "ns", "class", "classes"},
	// Failing connections to a Service of which no NetworkPolicy lets the client in.
	"blocked": {"object", "ns", "pod", "service", "host", "flags"},
	// A rule of an HTTPRoute that has neither a backend nor an answer of its own.
	"httprule": {"object", "ns"},
	// A listener of a gateway.
	"listener": {"pod", "ns", "role", "name", "port", "proxyProtocol"},
	// A cluster of a proxy of which outlier detection ejected endpoints: all or some.
	"upstream": {"pod", "ns", "role", "cluster", "endpoints", "ejected"},
	// An issuer of tokens that a RequestAuthentication names.
	"issuer": {"object", "ns", "issuer", "uri"},
	// A PeerAuthentication whose port is the Service's and not the pods'.
	"policyport": {"object", "ns", "port", "service", "target"},
	// An AuthorizationPolicy that lets no request to a gateway pass: effect is
	// allows-nothing, wants-peer, wants-address or denies-everything; scope is mesh or
	// namespace. Of a pod with a sidecar: wants-peer, or not-gateway where a route of a
	// gateway leads to it and the gateway's identity is none that is allowed.
	"policy": {"object", "ns", "pod", "role", "effect", "scope", "sources", "gateway", "service"},
	// The mesh configuration of an istiod: state is ok or refused.
	"meshconfig": {"object", "state", "why", "outbound"},
	// A provider that a Telemetry resource names: state is ok, missing or unknown.
	"telemetry": {"object", "ns", "section", "provider", "state"},
	// A CRD of the Gateway API for which istiod wants a minimum bundle.
	"crd": {"crd", "bundle", "wants", "old"},
	// A DestinationRule. target is ok, missing or unknown; mtls is what the pods of its
	// host ask for: strict, permissive, disable or unknown; injected is all, none, some or unknown.
	"rule": {"rule", "ns", "host", "tls", "target", "mtls", "injected"},
	// The current revision of a Helm release. stuck is a pending one of ten minutes; hub
	// is where its images come from, where it has such a value.
	"release": {"release", "ns", "chart", "version", "status", "description", "stuck", "hub"},
	// A part of an Envoy's configuration that is not in use: state is warming or rejected.
	"envoy": {"pod", "ns", "role", "kind", "name", "state", "details"},
	// A Secret of which an Envoy was sent the certificate and did not load it.
	"unloaded": {"pod", "ns", "role", "secret", "credential"},
	// A certificate that an Envoy has.
	"certificate": {"pod", "ns", "role", "subject", "expired", "until", "root"},
	// A counter or gauge of an Envoy.
	"stat": {"pod", "ns", "role", "name", "value"},
	// What istiod says of a proxy: state is synced, stale, refused or not-sent.
	"sync": {"pod", "ns", "role", "type", "state", "details"},
	// A node. clock is ok, ahead, behind or unknown, against the API server's.
	"node": {"node", "ready", "kernel", "kubelet", "clock", "skew", "cgroup"},
	// A line of a file in which a node speaks: kernel, kubelet, containerd, sysctl, ...
	"fact": {"node", "file", "line"},
	// How often a container had to wait for CPU time.
	"throttling": {"pod", "ns", "container", "role", "percent", "throttled"},
	// The mesh as a whole. istiod is ready, not-ready, scaled-to-zero or absent; dns
	// is ready, not-ready or unknown; root is ok, expired, not-yet-valid or unknown;
	// roots counts the groups of proxies that trust no root of the others.
	"mesh": {"istiod", "crds", "dns", "root", "rootUntil", "proxies", "roots", "oldRoot"},
	// A line of what a tool or a check said.
	said: {"line"},
}

// said is the source of what a tool or a check said.
const said = "said"

// Record is one observation in normal form.
type Record struct {
	Source string
	Fields map[string]string
	// File is where it stands in the evidence, Text is what stands there.
	File, Text string
}

// String quotes the record.
func (r Record) String() string { return r.File + ": " + r.Text }

// Observations are all that the evidence says, in normal form.
type Observations struct {
	records map[string][]Record
	// texts are files of which each line is a record; they are read only when asked.
	texts []text
	// Looked says what was looked at; Missing what could not be.
	Looked, Missing []string
}

// text is a file whose lines are the records of a source.
type text struct {
	source string
	fields map[string]string
	file   string
	lines  []string
}

// textHits is how many lines of one file can match a clause: the last ones.
const textHits = 3

func (o *Observations) add(source, file, quote string, pairs ...string) {
	fields := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		fields[pairs[i]] = pairs[i+1]
	}
	o.records[source] = append(o.records[source], Record{source, fields, file, quote})
}

// find returns the records that a clause asks for.
func (o *Observations) find(c compiled) []Record {
	var found []Record
	for _, r := range o.records[c.source] {
		if c.matches(r.Fields) {
			found = append(found, c.capture(r))
		}
	}
	for i := range o.texts {
		if t := &o.texts[i]; t.source == c.source {
			found = append(found, t.find(c)...)
		}
	}
	return found
}

// matches holds a record's fields against the patterns.
func (c compiled) matches(fields map[string]string) bool {
	for field, p := range c.patterns {
		if !p.matches(fields[field]) {
			return false
		}
	}
	return true
}

// capture adds what the named groups of the patterns matched to a copy of the record.
func (c compiled) capture(r Record) Record {
	for field, p := range c.patterns {
		match := p.re.FindStringSubmatch(r.Fields[field])
		for i, name := range p.re.SubexpNames() {
			if name != "" && match != nil {
				r.Fields = maps.Clone(r.Fields)
				r.Fields[name] = match[i]
			}
		}
	}
	return r
}

// find returns the last lines that the clause asks for.
func (t *text) find(c compiled) []Record {
	line, asked := c.patterns["line"]
	if !asked {
		return nil
	}
	for field, p := range c.patterns {
		if field != "line" && !p.matches(t.fields[field]) {
			return nil
		}
	}
	var found []Record
	for _, l := range slices.Backward(t.lines) {
		if !line.matches(l) {
			continue
		}
		fields := map[string]string{"line": l}
		maps.Copy(fields, t.fields)
		found = append(found, c.capture(Record{t.source, fields, t.file, strings.TrimSpace(l)}))
		if len(found) == textHits {
			break
		}
	}
	slices.Reverse(found)
	return found
}

// looked notes how much of a thing there was.
func (o *Observations) looked(n int, what string) {
	if n > 0 {
		o.Looked = append(o.Looked, fmt.Sprintf("%d %s", n, what))
	}
}
