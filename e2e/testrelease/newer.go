package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/report"
)

// unlistedNode is a tag of a node image that no table has; what is behind it is the
// cell's Kubernetes, so that the report must not believe the tag.
const unlistedNode = "v1.99.0"

// newer runs what the table of versions does not know: a pre-release of the next minor,
// its charts in a folder, on a node image that is in no list. Then it replaces an image
// under its tag and runs again with the first report as the baseline.
func (s *site) newer(ctx context.Context) error {
	version, err := nextMinor(s.cell.Istio)
	if err != nil {
		return err
	}
	for _, image := range []string{"pilot", "proxyv2", "install-cni"} {
		if err := s.tag(ctx, hub+"/"+image+":"+s.cell.Istio, version); err != nil {
			return err
		}
	}
	if err := s.tag(ctx, nodes+"/node:"+s.cell.Kubernetes, unlistedNode); err != nil {
		return err
	}
	folder := filepath.Join(s.dir, "charts-"+version)
	if err := s.unpackCharts(folder, version); err != nil {
		return err
	}
	env := []string{"ISTIO=" + version, "KUBERNETES=", "CHARTS=" + folder, "NODE_IMAGE=" + s.mirror.Host + "/" + nodes + "/node:" + unlistedNode}
	if err := s.mustSay(ctx, "newer", append(env, "RUN=ingress/node-port"), "verdict: pass", ", support unknown", "the API server is Kubernetes "+s.cell.Kubernetes+", not "+unlistedNode); err != nil {
		return err
	}
	if err := s.mustReport("newer"); err != nil {
		return err
	}
	// Without the engine's copy: the next night's machine is another one.
	if err := errors.Join(s.replace(ctx, hub+"/pilot:"+version), s.dropImages(ctx, hub)); err != nil {
		return err
	}
	baseline := "BASELINE=" + filepath.Join(s.out("newer"), "latest", "report.json")
	return s.mustSay(ctx, "moved", append(env, "RUN=install/releases", baseline), "pilot:"+version+" is another one under the same name: sha256:")
}

// nextMinor is a pre-release of the minor after the version's.
func nextMinor(version string) (string, error) {
	v, err := istio.ParseVersion(version)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%d.0-alpha.1", v.Major, v.Minor+1), nil
}

// mustSay runs the test binary, and wants each text in what it prints.
func (s *site) mustSay(ctx context.Context, step string, env []string, wanted ...string) error {
	var said bytes.Buffer
	p := s.program(ctx, append([]string{"OUT=" + s.out(step)}, env...), "e2e.test")
	p.Stdout, p.Stderr = io.MultiWriter(os.Stdout, &said), os.Stderr
	if err := p.Run(); err != nil {
		return err
	}
	for _, text := range wanted {
		if !strings.Contains(said.String(), text) {
			return fmt.Errorf("the run does not say %q", text)
		}
	}
	return nil
}

// mustReport wants the report to say what ran, and not what the tags promised.
func (s *site) mustReport(step string) error {
	doc, err := report.Read(filepath.Join(s.out(step), "latest", "report.json"))
	if err != nil {
		return err
	}
	e := doc.Environment
	if e.Support == nil || e.Support.Standing != "unknown" || e.Kubernetes != s.cell.Kubernetes {
		return fmt.Errorf("report.json has Kubernetes %s and support %+v; want %s and unknown", e.Kubernetes, e.Support, s.cell.Kubernetes)
	}
	return nil
}

// tag gives an image of the mirror another tag beside its own.
func (s *site) tag(ctx context.Context, image, tag string) error {
	ref, err := name.NewTag(s.mirror.Host + "/" + image)
	if err != nil {
		return err
	}
	found, err := remote.Get(ref, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	return remote.Tag(ref.Context().Tag(tag), found, remote.WithContext(ctx))
}

// replace puts another image with the same layers under an image's name.
func (s *site) replace(ctx context.Context, image string) error {
	ref, err := name.NewTag(s.mirror.Host + "/" + image)
	if err != nil {
		return err
	}
	is, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	config, err := is.ConfigFile()
	if err != nil {
		return err
	}
	config = config.DeepCopy()
	config.Author = "somebody else"
	other, err := mutate.ConfigFile(is, config)
	if err != nil {
		return err
	}
	return remote.Write(ref, other, remote.WithContext(ctx))
}

// unpackCharts writes the cell's charts as those of another version into a folder, as a
// checkout of them is.
func (s *site) unpackCharts(folder, version string) error {
	for _, path := range slices.Sorted(maps.Values(s.charts)) {
		chart, err := loader.LoadFile(path)
		if err != nil {
			return err
		}
		chart.Metadata.Version, chart.Metadata.AppVersion = version, version
		if err := chartutil.SaveDir(chart, folder); err != nil {
			return err
		}
	}
	return nil
}
