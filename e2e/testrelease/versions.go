package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/mesh/istio"
)

// versions has the table of versions renewed from a place that publishes one minor more,
// with the node image of one Kubernetes more, and then again: nothing may differ.
func (s *site) versions(ctx context.Context) (err error) {
	dir := filepath.Join(s.dir, "published")
	place, err := mirror.Start(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	v, err := istio.ParseVersion(s.cell.Istio)
	if err != nil {
		return err
	}
	next := fmt.Sprintf("%d.%d", v.Major, v.Minor+1)
	base, err := s.rebuilt("base", next+".3")
	if err != nil {
		return err
	}
	if err := place.PublishCharts(mirror.Chart{Name: "base", Version: next + ".3", Path: base}); err != nil {
		return err
	}
	table := filepath.Join(dir, "versions.yaml")
	support := fmt.Sprintf("- version: %q\n  supported: \"Yes\"\n  releaseDate: \"Nov 5, 2026\"\n  eolDate: \"~May 2027 (Expected)\"\n  k8sVersions: [\"1.98\", \"1.99\"]\n", next)
	notes := "Images pre-built for this release\nkindest/node:" + unlistedNode + "@sha256:" + strings.Repeat("a", 64) + "\n"
	now, err := os.ReadFile(filepath.Join(s.root, "fixtures", "versions.yaml"))
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(table, now, 0o644), os.WriteFile(filepath.Join(dir, "charts", "support.yml"), []byte(support), 0o644),
		os.WriteFile(filepath.Join(dir, "charts", "notes.html"), []byte(notes), 0o644)); err != nil {
		return err
	}
	url := place.ChartsURL()
	refresh := func(wanted ...string) error {
		var said bytes.Buffer
		p := s.program(ctx, nil, "istio-conformance", "versions", "refresh", "--charts", url, "--support", url+"/support.yml", "--nodes", url+"/notes.html", "--file", table)
		p.Stdout, p.Stderr = &said, os.Stderr
		if err := p.Run(); err != nil {
			return err
		}
		say("   %s", strings.ReplaceAll(strings.TrimSpace(said.String()), "\n", "\n   "))
		for _, text := range wanted {
			if !strings.Contains(said.String(), text) {
				return fmt.Errorf("versions refresh does not say %q", text)
			}
		}
		return nil
	}
	return errors.Join(refresh(`newest: "`+next+`.3"`, "+", unlistedNode+"@sha256:"), refresh("says what is published"))
}
