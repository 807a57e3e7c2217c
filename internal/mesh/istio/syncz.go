package istio

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// typePrefix begins the type URL of every xDS resource.
const typePrefix = "type.googleapis.com/"

// Type URLs of what every Envoy of the mesh needs, as in Istio's pkg/model/xds.go.
const (
	clusterType   = typePrefix + "envoy.config.cluster.v3.Cluster"
	listenerType  = typePrefix + "envoy.config.listener.v3.Listener"
	routeType     = typePrefix + "envoy.config.route.v3.RouteConfiguration"
	endpointType  = typePrefix + "envoy.config.endpoint.v3.ClusterLoadAssignment"
	extensionType = typePrefix + "envoy.config.core.v3.TypedExtensionConfig"
)

// ProxyStatus is what istiod sent to one proxy and what the proxy accepted.
type ProxyStatus struct {
	// ID is "<pod>.<namespace>".
	ID string
	// Type is router for a gateway and sidecar for a sidecar.
	Type string
	// IstioVersion is the version that the proxy reports.
	IstioVersion string
	// Resources is the state by type URL.
	Resources map[string]ResourceStatus
}

// ResourceStatus is the state of one type of resource. Sent and Acked are nonces.
type ResourceStatus struct {
	Sent      string    `json:"sent"`
	Acked     string    `json:"acked"`
	SentTime  time.Time `json:"sentTime"`
	LastError string    `json:"lastError"`
}

// synczEntry is SyncStatus in Istio's pilot/pkg/xds/debug.go. Releases before
// it had "resources" know the five types below only.
type synczEntry struct {
	ProxyID        string                    `json:"proxy"`
	ProxyType      string                    `json:"proxy_type"`
	IstioVersion   string                    `json:"istio_version"`
	ClusterSent    string                    `json:"cluster_sent"`
	ClusterAcked   string                    `json:"cluster_acked"`
	ListenerSent   string                    `json:"listener_sent"`
	ListenerAcked  string                    `json:"listener_acked"`
	RouteSent      string                    `json:"route_sent"`
	RouteAcked     string                    `json:"route_acked"`
	EndpointSent   string                    `json:"endpoint_sent"`
	EndpointAcked  string                    `json:"endpoint_acked"`
	ExtensionSent  string                    `json:"extensionconfig_sent"`
	ExtensionAcked string                    `json:"extensionconfig_acked"`
	Resources      map[string]ResourceStatus `json:"resources"`
}

// ParseSyncz reads the answer of istiod's /debug/syncz: the proxies connected to
// that one istiod.
func ParseSyncz(data []byte) ([]ProxyStatus, error) {
	var entries []synczEntry
	if err := json.Unmarshal(data, &entries); err != nil {
		return nil, fmt.Errorf("istiod's /debug/syncz: %w", err)
	}
	proxies := make([]ProxyStatus, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.ProxyID == "" {
			return nil, fmt.Errorf("istiod's /debug/syncz: entry %d names no proxy", i)
		}
		if e.Resources == nil {
			e.Resources = e.namedTypes()
		}
		proxies = append(proxies, ProxyStatus{ID: e.ProxyID, Type: e.ProxyType, IstioVersion: e.IstioVersion, Resources: e.Resources})
	}
	return proxies, nil
}

// namedTypes builds the resources of a release that has no such field.
func (e *synczEntry) namedTypes() map[string]ResourceStatus {
	return map[string]ResourceStatus{
		clusterType:   {Sent: e.ClusterSent, Acked: e.ClusterAcked},
		listenerType:  {Sent: e.ListenerSent, Acked: e.ListenerAcked},
		routeType:     {Sent: e.RouteSent, Acked: e.RouteAcked},
		endpointType:  {Sent: e.EndpointSent, Acked: e.EndpointAcked},
		extensionType: {Sent: e.ExtensionSent, Acked: e.ExtensionAcked},
	}
}

// Namespace is the namespace of the proxy's pod.
func (p ProxyStatus) Namespace() string {
	// A pod's name may have dots in it, a namespace may not.
	return p.ID[strings.LastIndex(p.ID, ".")+1:]
}

// ztunnelType is the type of a ztunnel in istiod's answers.
const ztunnelType = "ztunnel"

// Unversioned says that the proxy is a ztunnel that reports no version. Its version
// is the variable ISTIO_META_ISTIO_VERSION of its image, which Istio's build sets
// (pilot/docker/Dockerfile.ztunnel) and other builds may leave out. Any other proxy
// reports the version of its agent, which is compiled in.
func (p ProxyStatus) Unversioned() bool {
	return p.Type == ztunnelType && (p.IstioVersion == "" || p.IstioVersion == "unknown")
}

// Synced says whether the proxy has accepted all that istiod sent it. A type of
// which nothing was sent does not count against it, save clusters and listeners,
// without which a gateway or sidecar does nothing.
func (p ProxyStatus) Synced() bool { return len(p.Unsynced()) == 0 }

// Unsynced says, one line a type, what the proxy lacks or refused.
func (p ProxyStatus) Unsynced() []string {
	var reasons []string
	if p.Type != ztunnelType && p.Type != "agentgateway" { // those are no Envoys
		for _, needed := range []string{clusterType, listenerType} {
			if p.Resources[needed].Sent == "" {
				reasons = append(reasons, needed+": not sent")
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Resources)) {
		switch r := p.Resources[name]; {
		case r.LastError != "":
			reasons = append(reasons, fmt.Sprintf("%s: refused by the proxy: %s", name, r.LastError))
		case r.Sent != r.Acked:
			reasons = append(reasons, fmt.Sprintf("%s: stale: sent %q, accepted %q", name, r.Sent, r.Acked))
		}
	}
	return reasons
}
