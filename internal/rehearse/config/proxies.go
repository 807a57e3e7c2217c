package config

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/rehearse/planes"
	"istio-conformance/internal/rehearse/stage"
	"istio-conformance/internal/rehearse/xds"
)

// atOnce is how many proxies are asked about at the same time.
const atOnce = 4

// resource is one that a proxy is sent. Those that are the same for many proxies are
// kept once.
type resource struct {
	kind, name string
	body       map[string]any
	hash       [sha256.Size]byte
}

// key is the same for a resource of both versions.
func (r *resource) key() string { return r.kind + " " + r.name }

// sent is what each proxy is sent, by proxy and resource.
type sent map[string]map[string]*resource

// kinds of resources, by the last part of their type.
var kinds = map[string]string{
	"Cluster": "cluster", "Listener": "listener", "RouteConfiguration": "route", "ClusterLoadAssignment": "endpoints",
}

// ask returns what istiod sends each of the proxies.
func ask(ctx context.Context, istiod *planes.Istiod, proxies []*stage.Proxy) (sent, error) {
	all, pool := sent{}, map[[sha256.Size]byte]*resource{}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, p := range proxies {
		group.Go(func() error {
			configs, err := dump(ctx, istiod, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
			mu.Lock()
			defer mu.Unlock()
			all[p.String()], err = intern(configs, pool)
			return err
		})
	}
	return all, group.Wait()
}

// dump connects as the proxy and takes what it would be sent.
func dump(ctx context.Context, istiod *planes.Istiod, p *stage.Proxy) (_ []map[string]any, err error) {
	kind := "sidecar"
	if p.Gateway {
		kind = "router"
	}
	id := fmt.Sprintf("%s~%s~%s.%s~%s.svc.cluster.local", kind, p.Address, p.Pod, p.Namespace, p.Namespace)
	s, err := xds.Connect(ctx, istiod.XDS, id, metadata(p, istiod.Version))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := errors.Join(s.Subscribe(ctx, xds.Clusters), s.Subscribe(ctx, xds.Listeners)); err != nil {
		return nil, err
	}
	pod := p.Pod + "." + p.Namespace
	first, err := istiod.Dump(ctx, pod, "cds", "lds")
	if err != nil {
		return nil, err
	}
	endpoints, routes := names(first)
	for typeURL, list := range map[string][]string{xds.Endpoints: endpoints, xds.Routes: routes} {
		if len(list) == 0 {
			continue // nothing would be answered
		}
		if err := s.Subscribe(ctx, typeURL, list...); err != nil {
			return nil, err
		}
	}
	return istiod.Dump(ctx, pod, "cds", "lds", "rds", "eds")
}

// names are the endpoints and routes that clusters and listeners refer to.
func names(configs []map[string]any) (endpoints, routes []string) {
	wanted := map[string]bool{}
	for _, c := range configs {
		if kindOf(c) == "cluster" && c["type"] == "EDS" {
			name, _ := c["name"].(string)
			if config, ok := c["edsClusterConfig"].(map[string]any); ok {
				if service, ok := config["serviceName"].(string); ok {
					name = service
				}
			}
			endpoints = append(endpoints, name)
		}
		routeNames(c, wanted)
	}
	slices.Sort(endpoints)
	return slices.Compact(endpoints), slices.Sorted(maps.Keys(wanted))
}

// routeNames finds the names of routes that are asked for by RDS, wherever they stand.
func routeNames(value any, found map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		if rds, ok := v["rds"].(map[string]any); ok {
			if name, ok := rds["routeConfigName"].(string); ok {
				found[name] = true
			}
		}
		for _, below := range v {
			routeNames(below, found)
		}
	case []any:
		for _, below := range v {
			routeNames(below, found)
		}
	}
}

func kindOf(config map[string]any) string {
	typeURL, _ := config["@type"].(string)
	return kinds[typeURL[strings.LastIndex(typeURL, ".")+1:]]
}

// metadata is what a proxy says of itself. Source: Istio's pkg/model, NodeMetadata.
func metadata(p *stage.Proxy, version string) map[string]any {
	table := func(from map[string]string) map[string]any {
		to := map[string]any{}
		for key, value := range from {
			to[key] = value
		}
		return to
	}
	return map[string]any{
		"NAME": p.Pod, "NAMESPACE": p.Namespace, "WORKLOAD_NAME": p.Name, "SERVICE_ACCOUNT": p.ServiceAccount,
		"LABELS": table(p.Labels), "ANNOTATIONS": table(p.Annotations), "INSTANCE_IPS": p.Address,
		"ISTIO_VERSION": version, "CLUSTER_ID": "Kubernetes", "MESH_ID": "cluster.local", "INTERCEPTION_MODE": "REDIRECT",
		"ENVOY_PROMETHEUS_PORT": 15090, "ENVOY_STATUS_PORT": 15021,
	}
}

// intern turns what is sent into resources by key, each body once in the pool.
func intern(configs []map[string]any, pool map[[sha256.Size]byte]*resource) (map[string]*resource, error) {
	found := map[string]*resource{}
	for _, body := range configs {
		r := &resource{kind: kindOf(body), body: body}
		if r.kind == "" {
			continue
		}
		r.name, _ = body["name"].(string)
		if r.kind == "endpoints" {
			r.name, _ = body["clusterName"].(string)
			sortEndpoints(body)
		}
		content, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		r.hash = sha256.Sum256(content)
		if pool[r.hash] == nil {
			pool[r.hash] = r
		}
		found[r.key()] = pool[r.hash]
	}
	return found, nil
}

// sortEndpoints orders endpoints, whose order says nothing.
func sortEndpoints(body map[string]any) {
	localities, _ := body["endpoints"].([]any)
	for _, l := range localities {
		locality, _ := l.(map[string]any)
		list, _ := locality["lbEndpoints"].([]any)
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}
