package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/machine/engine"
)

// Labels that kind sets on the containers of its nodes.
// Source: sigs.k8s.io/kind pkg/cluster/internal/providers/docker/constants.go.
const (
	clusterLabel = "io.x-k8s.kind.cluster"
	roleLabel    = "io.x-k8s.kind.role"
)

// container is a node as the engine sees it: the part of `docker inspect` that
// this package needs.
type container struct {
	ID    string `json:"Id"`
	Name  string `json:"Name"`
	State struct {
		Status  string `json:"Status"`
		Running bool   `json:"Running"`
	} `json:"State"`
	Config struct {
		Labels map[string]string `json:"Labels"`
	} `json:"Config"`
	Mounts []struct {
		Destination string `json:"Destination"`
	} `json:"Mounts"`
	NetworkSettings struct {
		Ports map[string][]struct {
			HostIP   string `json:"HostIp"`
			HostPort string `json:"HostPort"`
		} `json:"Ports"`
	} `json:"NetworkSettings"`
}

func (c *container) cluster() string { return c.Config.Labels[clusterLabel] }
func (c *container) role() string    { return c.Config.Labels[roleLabel] }

// containers returns the node containers of the kind cluster of that name, of
// every kind cluster when the name is empty, sorted by name.
func containers(ctx context.Context, e *engine.Engine, cluster string) ([]container, error) {
	filter := "label=" + clusterLabel
	if cluster != "" {
		filter += "=" + cluster
	}
	ids, err := e.CLI(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", filter)
	if err != nil {
		return nil, fmt.Errorf("list the nodes of kind clusters: %w", err)
	}
	if strings.TrimSpace(ids) == "" {
		return nil, nil
	}
	out, err := e.CLI(ctx, append([]string{"inspect", "--type=container"}, strings.Fields(ids)...)...)
	// One that went away since the list was made is no error: the others are printed.
	if err != nil && !strings.Contains(strings.ToLower(err.Error()), "no such container") {
		return nil, fmt.Errorf("inspect the nodes of kind clusters: %w", err)
	}
	return parseContainers(out)
}

func parseContainers(inspect string) ([]container, error) {
	var found []container
	if err := json.Unmarshal([]byte(inspect), &found); err != nil {
		return nil, fmt.Errorf("read what the engine says about the nodes: %w", err)
	}
	for i := range found {
		found[i].Name = strings.TrimPrefix(found[i].Name, "/")
	}
	slices.SortFunc(found, func(a, b container) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

// ours returns those of the containers that this harness made.
func ours(all []container) []container {
	return slices.DeleteFunc(slices.Clone(all), func(c container) bool {
		_, marked := c.marker()
		return !marked
	})
}
