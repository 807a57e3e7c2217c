package options

import (
	"cmp"
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/stack"
)

// registerExisting registers what is said of a cluster that is there already.
func (o *Options) registerExisting() {
	o.text(&o.Scope, "scope", "SCOPE", stack.ScopeRead, "what may be made in an existing cluster: read is nothing but dry runs and routes, namespace is all that the checks need in one namespace of their own")
	o.text(&o.GatewayName, "gateway", "GATEWAY", "", "gateway under test in an existing cluster that has several, by its Service: namespace/name")
	o.text(&o.GatewayAddress, "gateway-address", "GATEWAY_ADDRESS", "", "where that gateway is reached: host, host:port for HTTP, or host:port,host:port for HTTP and HTTPS; default: its load balancer's address, a node port or a port-forward, whichever is open first")
	o.text(&o.BackendImage, "backend-image", "BACKEND_IMAGE", "", "image of the service behind that gateway, which istio-conformance images backend builds; default: built and loaded into the nodes where they are kind's on this machine")
}

// checkExisting refuses what makes no sense of a cluster that is there already, or of
// one that is made here.
func (o *Options) checkExisting() error {
	if !slices.Contains([]string{stack.ScopeRead, stack.ScopeNamespace}, o.Scope) {
		return exitcode.Usagef("SCOPE=%s: want read or namespace", o.Scope)
	}
	for _, given := range []struct{ name, value string }{
		{"SCOPE", strings.TrimPrefix(o.Scope, stack.ScopeRead)}, {"GATEWAY", o.GatewayName}, {"GATEWAY_ADDRESS", o.GatewayAddress}, {"BACKEND_IMAGE", o.BackendImage},
	} {
		if given.value != "" && o.cluster != "existing" {
			return exitcode.Usagef("%s=%s CLUSTER=%s: it is about an existing cluster; add CLUSTER=existing, or leave it out", given.name, given.value, o.cluster)
		}
	}
	if o.BackendImage != "" && o.Scope != stack.ScopeNamespace {
		return exitcode.Usagef("BACKEND_IMAGE=%s: nothing is started with SCOPE=%s; add SCOPE=namespace, or leave it out", o.BackendImage, o.Scope)
	}
	if namespace, name, ok := strings.Cut(o.GatewayName, "/"); o.GatewayName != "" && (!ok || namespace == "" || name == "" || strings.Contains(name, "/")) {
		return exitcode.Usagef("GATEWAY=%s: want namespace/name of the gateway's Service", o.GatewayName)
	}
	_, _, err := stack.ParseAddress(cmp.Or(o.GatewayAddress, "unset"), [2]int32{80, 443})
	return err
}

// making are the options that say what a cluster and its Istio are made of.
var making = []string{
	"istio", "kubernetes", "images", "profile", "helm", "archive", "hub", "charts", "node-image", "ztunnel", "kind-config", "installation",
}

// refuseMaking refuses to say of an existing cluster what it is to be made of.
func (o *Options) refuseMaking() error {
	if o.cluster != "existing" {
		return nil
	}
	for _, s := range o.settings {
		value := o.flags.Lookup(s.flag).Value.String()
		if slices.Contains(making, s.flag) && value != s.fallback {
			return exitcode.Usagef("%s=%s CLUSTER=existing: what an existing cluster has is found out, and nothing is installed there; leave one of them out", s.variable, value)
		}
	}
	return nil
}
