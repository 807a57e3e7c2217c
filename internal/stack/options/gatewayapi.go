package options

import "istio-conformance/internal/process/exitcode"

// gatewayProfiles are the profiles of the Gateway API's conformance suite that run without
// a choice: all but UDP, which no version of Istio knows.
const gatewayProfiles = "GATEWAY-HTTP,GATEWAY-TLS,GATEWAY-TCP,GATEWAY-GRPC,MESH-HTTP,MESH-GRPC"

// gatewayLayer names the values with which that suite runs.
const gatewayLayer = "gateway-api"

// registerGatewayAPI defines the flags of the Gateway API's own conformance suite.
func (o *Options) registerGatewayAPI() {
	o.truth(&o.GatewayAPI, "gateway-api", "GATEWAY_API", "run the Gateway API's own conformance suite, instead of the checks")
	o.text(&o.GatewayProfiles, "gateway-profiles", "GATEWAY_PROFILES", gatewayProfiles, "with -gateway-api: which profiles of the suite, separated by commas")
}

// completeGatewayAPI refuses what the suite does not go with.
func (o *Options) completeGatewayAPI() error {
	if !o.GatewayAPI {
		return nil
	}
	for _, other := range []struct {
		on   bool
		name string
	}{{o.Mutate, "MUTATE=1"}, {o.Exam, "EXAM=1"}, {o.Upgrade != nil, "UPGRADE=1"}, {o.Outage != NoOutages, "OUTAGE"}, {o.Soak > 0, "HOURS or MINUTES"}, {o.Policy.Repeat > 1, "REPEAT"}, {o.Policy.Retries > 0, "RETRY"}} {
		if other.on {
			return exitcode.Usagef("GATEWAY_API=1 with %s: the Gateway API's conformance suite runs alone, and once; leave one out", other.name)
		}
	}
	if o.Kubeconfig != "" {
		return exitcode.Usagef("GATEWAY_API=1 CLUSTER=existing: the Gateway API's conformance suite makes five namespaces of its own and dozens of Gateways, which is not done to an existing cluster; leave CLUSTER out, or run the suite yourself: docs/gateway-api.md")
	}
	o.ValuesLayer = gatewayLayer
	return nil
}
