package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	kind "sigs.k8s.io/kind/pkg/cluster"

	"istio-conformance/internal/machine/provider"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/progress"
)

// engine runs the command line of the container engine, the one that DOCKER_HOST
// names where it is Docker. Podman's understands the same words.
func engine(ctx context.Context, args ...string) (string, error) {
	return command.Output(ctx, append([]string{provider.Name()}, args...)...)
}

// kindProvider returns kind on that engine.
func kindProvider(logf progress.Logf) *kind.Provider {
	option := kind.ProviderWithDocker()
	if provider.Name() == provider.Podman {
		option = kind.ProviderWithPodman()
	}
	return kind.NewProvider(option, kind.ProviderWithLogger(kindLogger{logf}))
}

// imageID returns the id of an image in the engine.
func imageID(ctx context.Context, reference string) (string, error) {
	out, err := engine(ctx, "image", "inspect", "--format", "{{.Id}}", reference)
	if err != nil {
		return "", fmt.Errorf("image %s is not in the engine: %w", reference, err)
	}
	return provider.ImageID(out), nil
}

// removeVolumes removes the volumes of a cluster whose nodes are gone, or were never
// made. Those of Docker went with the nodes; kind makes podman's beforehand, each with
// its node's name as a label.
// Source: sigs.k8s.io/kind pkg/cluster/internal/providers/podman/util.go.
func removeVolumes(ctx context.Context, cluster string) error {
	if provider.Name() != provider.Podman {
		return nil
	}
	listed, err := engine(ctx, "volume", "ls", "--format", "json")
	if err != nil {
		return err
	}
	names, err := nodeVolumes(listed, cluster)
	if err != nil || len(names) == 0 {
		return err
	}
	// Without force: what a container uses stays.
	_, err = engine(ctx, append([]string{"volume", "rm"}, names...)...)
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
