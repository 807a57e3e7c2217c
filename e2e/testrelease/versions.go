package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	support := mirror.Only("/support.yml", mirror.Always, mirror.Text(fmt.Sprintf(
		"- version: %q\n  supported: \"Yes\"\n  releaseDate: \"Nov 5, 2026\"\n  eolDate: \"~May 2027 (Expected)\"\n  k8sVersions: [\"1.98\", \"1.99\"]\n", next)))
	notes := mirror.Only("/notes.html", mirror.Always, mirror.Text("Images pre-built for this release\nkindest/node:"+unlistedNode+"@sha256:"+strings.Repeat("a", 64)+"\n"))
	place.Fail(func(w http.ResponseWriter, r *http.Request) bool { return support(w, r) || notes(w, r) })
	table := filepath.Join(dir, "versions.yaml")
	now, err := os.ReadFile(filepath.Join(s.root, "fixtures", "versions.yaml"))
	if err != nil {
		return err
	}
	if err := os.WriteFile(table, now, 0o644); err != nil {
		return err
	}
	return errors.Join(s.refresh(ctx, table, place.ChartsURL(), `newest: "`+next+`.3"`, unlistedNode+"@sha256:"), s.refresh(ctx, table, place.ChartsURL(), "says what is published"))
}

// refresh renews a table from what is below a URL, and wants each text in what is said.
func (s *site) refresh(ctx context.Context, table, url string, wanted ...string) error {
	said, err := s.command(ctx, "versions", "refresh", "--charts", url, "--support", url+"/support.yml", "--nodes", url+"/notes.html", "--file", table)
	if err != nil {
		return err
	}
	say("   %s", strings.ReplaceAll(strings.TrimSpace(string(said)), "\n", "\n   "))
	return contains(string(said), wanted...)
}
