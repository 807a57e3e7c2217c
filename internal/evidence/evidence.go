// Package evidence collects what explains a failed check: the objects, events
// and logs of the namespaces involved and the state of the gateway's Envoy.
package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"istio-conformance/internal/cluster"
)

// Collector knows where to look.
type Collector struct {
	// Cluster is the cluster under test.
	Cluster *cluster.Cluster
	// Namespaces are looked at whole.
	Namespaces []string
	// Admin asks the gateway's Envoy; see stack.GatewayAdmin.
	Admin func(ctx context.Context, request string) (string, error)
}

// source is one file of evidence.
type source struct {
	file string
	get  func(ctx context.Context) (string, error)
}

// Collect writes the evidence of a failure since a time into dir and returns
// the paths of the files, sorted. What could not be had is listed with its
// reason in missing.txt: a failure often takes a source of evidence with it.
func (c *Collector) Collect(ctx context.Context, dir string, since time.Time) []string {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return []string{fmt.Sprintf("none: %v", err)}
	}
	sources := []source{
		{"gateway-clusters.txt", func(ctx context.Context) (string, error) { return c.Admin(ctx, "clusters") }},
		{"gateway-stats.txt", func(ctx context.Context) (string, error) { return c.Admin(ctx, "stats?usedonly") }},
		{"gateway-config-dump.json", func(ctx context.Context) (string, error) { return c.Admin(ctx, "config_dump?include_eds") }},
	}
	for _, namespace := range c.Namespaces {
		sources = append(sources, c.namespaceSources(namespace, since)...)
	}
	var mu sync.Mutex
	var written, missing []string
	var wait sync.WaitGroup
	for _, s := range sources {
		wait.Go(func() {
			path, err := write(ctx, dir, s)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				missing = append(missing, fmt.Sprintf("%s: %v", s.file, err))
			}
			if path != "" {
				written = append(written, path)
			}
		})
	}
	wait.Wait()
	if len(missing) > 0 {
		slices.Sort(missing)
		path, err := write(ctx, dir, source{"missing.txt", func(context.Context) (string, error) {
			return strings.Join(missing, "\n") + "\n", nil
		}})
		if err != nil {
			path = fmt.Sprintf("%s: %v", path, err)
		}
		written = append(written, path)
	}
	slices.Sort(written)
	return written
}

// write writes one file, also with what came before an error; a source with
// nothing to say leaves no file.
func write(ctx context.Context, dir string, s source) (string, error) {
	content, err := s.get(ctx)
	if content == "" {
		return "", err
	}
	path := filepath.Join(dir, s.file)
	if writeErr := os.MkdirAll(filepath.Dir(path), 0o755); writeErr != nil {
		return "", errors.Join(err, writeErr)
	}
	if writeErr := os.WriteFile(path, []byte(content), 0o644); writeErr != nil {
		return "", errors.Join(err, writeErr)
	}
	return path, err
}
