package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	kind "sigs.k8s.io/kind/pkg/cluster"

	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/progress"
)

// onEngine returns kind on that engine. kind runs the engine's program itself, which
// finds the engine by the environment of this process.
func onEngine(e *engine.Engine, logf progress.Logf) (*kind.Provider, error) {
	if err := e.Export(); err != nil {
		return nil, err
	}
	option := kind.ProviderWithDocker()
	if e.Kind == engine.Podman {
		option = kind.ProviderWithPodman()
	}
	return kind.NewProvider(option, kind.ProviderWithLogger(kindLogger{logf})), nil
}

// removeVolumes removes the volumes of a cluster whose nodes are gone, or were never
// made. Those of Docker went with the nodes; kind makes podman's beforehand, each with
// its node's name as a label.
// Source: sigs.k8s.io/kind pkg/cluster/internal/providers/podman/util.go.
func removeVolumes(ctx context.Context, e *engine.Engine, cluster string) error {
	if e.Kind != engine.Podman {
		return nil
	}
	listed, err := e.CLI(ctx, "volume", "ls", "--format", "json")
	if err != nil {
		return err
	}
	names, err := nodeVolumes(listed, cluster)
	if err != nil || len(names) == 0 {
		return err
	}
	// Without force: what a container uses stays.
	_, err = e.CLI(ctx, append([]string{"volume", "rm"}, names...)...)
	return err
}

// nodeVolumes reads the output of podman volume ls.
func nodeVolumes(listed, cluster string) ([]string, error) {
	var volumes []struct {
		Name   string
		Labels map[string]string
	}
	if strings.TrimSpace(listed) == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(listed), &volumes); err != nil {
		return nil, fmt.Errorf("read what podman says about its volumes: %w", err)
	}
	node := regexp.MustCompile("^" + regexp.QuoteMeta(cluster) + `-(control-plane|worker)\d*$`)
	var names []string
	for _, v := range volumes {
		for label := range v.Labels {
			if node.MatchString(label) {
				names = append(names, v.Name)
				break
			}
		}
	}
	return names, nil
}
