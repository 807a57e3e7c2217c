package kit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
)

// askTimeout bounds what is asked of the gateway and of istiod after a failure; the
// check's own time may be used up.
const askTimeout = 15 * time.Second

// Unserved is a request to the gateway that was not answered as it must, and what was
// seen of why.
type Unserved struct {
	// Host is the name that was asked for.
	Host string
	// Secure says that TLS ends at the gateway.
	Secure bool
	// Stale says that an answer 200 was not the one of the newest configuration.
	Stale bool
	// Last is what came back last.
	Last probe.Response

	// pod is the gateway's pod that was asked, as "namespace/name"; empty for none.
	pod string
	// target is the port of the gateway's pods that its Service's leads to.
	target int32
	// listener has the port; nil where none has.
	listener *envoy.Listener
	// domain is the virtual host that serves Host; empty where none does.
	domain string
	// states are of the gateway's proxies.
	states []istio.ProxyStatus
	// unasked says, by what was to be asked, why there is no answer: "gateway",
	// "listeners", "routes", "istiod".
	unasked map[string]string
}

// Diagnose asks the gateway and istiod what they know of the request, sets the check's
// diagnosis to what that shows, and returns a line for the failure's message.
func (u Unserved) Diagnose(ctx context.Context, t *check.T, s *stack.Stack) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
	defer cancel()
	u.ask(ctx, s)
	t.Diagnose(u.explain())
	text := fmt.Sprintf("host %s: %s", u.Host, u.Last)
	if u.pod != "" {
		text += "; asked for its configuration: gateway Pod " + u.pod
	}
	return text
}

// ask fills in what the gateway and istiod know.
func (u *Unserved) ask(ctx context.Context, s *stack.Stack) {
	u.unasked, u.target = map[string]string{}, s.Gateway.HTTP.Target
	if u.Secure {
		u.target = s.Gateway.HTTPS.Target
	}
	pods, err := s.ReadyPods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
	switch {
	case err != nil:
		u.unasked["gateway"] = err.Error()
	case len(pods) > 0:
		u.pod = pods[0].Namespace + "/" + pods[0].Name
		if err := u.askListener(ctx, s); err != nil {
			u.unasked["listeners"] = err.Error()
		}
		if err := u.askRoutes(ctx, s); err != nil {
			u.unasked["routes"] = err.Error()
		}
	}
	if u.states, err = gatewayStates(ctx, s); err != nil {
		u.unasked["istiod"] = err.Error()
	}
}

// port is that of the gateway's pods.
func (u *Unserved) port() int { return int(u.target) }

func (u *Unserved) askListener(ctx context.Context, s *stack.Stack) error {
	dump, err := s.GatewayAdmin(ctx, "config_dump?resource=dynamic_listeners")
	if err != nil {
		return err
	}
	listeners, err := envoy.ParseListeners([]byte(dump))
	for i := range listeners {
		if listeners[i].Port == u.port() {
			u.listener = &listeners[i]
		}
	}
	return err
}

func (u *Unserved) askRoutes(ctx context.Context, s *stack.Stack) error {
	dump, err := s.GatewayAdmin(ctx, "config_dump?resource=dynamic_route_configs")
	if err != nil {
		return err
	}
	hosts, err := envoy.ParseVirtualHosts([]byte(dump))
	u.domain = envoy.Serving(tables(hosts, u.Secure), u.Host)
	return err
}

// tables returns the virtual hosts of the tables that istiod makes for plain ports, or
// for those at which TLS ends: it names them "http.<port>" and "https.<port>...".
func tables(hosts []envoy.VirtualHost, secure bool) []envoy.VirtualHost {
	var found []envoy.VirtualHost
	for _, h := range hosts {
		if strings.HasPrefix(h.Table, "https.") == secure {
			found = append(found, h)
		}
	}
	return found
}

// gatewayStates asks every ready istiod for the gateway's proxies; it makes no
// assertion, since it is asked while one fails.
func gatewayStates(ctx context.Context, s *stack.Stack) ([]istio.ProxyStatus, error) {
	pods, err := s.ReadyPods(ctx, stack.SystemNamespace, IstiodSelector)
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("no pod of istiod in namespace %s is ready", stack.SystemNamespace)
	}
	var found []istio.ProxyStatus
	for _, pod := range pods {
		local, stop, err := s.Cluster.PortForward(ctx, pod.Namespace, pod.Name, IstiodHTTP)
		if err != nil {
			return nil, err
		}
		response := probe.HTTP(ctx, probe.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/debug/syncz", local)})
		err = stop()
		if response.Status != 200 {
			return nil, fmt.Errorf("ask istiod pod %s for its proxies: %s", pod.Name, response)
		}
		if err != nil {
			return nil, err
		}
		all, err := istio.ParseSyncz(response.Body)
		if err != nil {
			return nil, err
		}
		for _, proxy := range all {
			if proxy.Namespace() == s.Gateway.Namespace && proxy.Type == "router" {
				found = append(found, proxy)
			}
		}
	}
	return found, nil
}
