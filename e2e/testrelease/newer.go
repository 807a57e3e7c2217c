package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
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
	for _, image := range istioImages {
		if err := s.tag(ctx, hub+"/"+image, s.cell.Istio, version); err != nil {
			return err
		}
	}
	if err := s.tag(ctx, nodes+"/node", s.cell.Kubernetes, unlistedNode); err != nil {
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
func (s *site) tag(ctx context.Context, image, tag, other string) error {
	is, err := s.published(ctx, image+":"+tag)
	if err != nil {
		return err
	}
	return s.mirror.Push(ctx, image+":"+other, is)
}

// replace puts another image with the same layers under an image's name.
func (s *site) replace(ctx context.Context, image string) error {
	is, err := s.published(ctx, image)
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
	return s.mirror.Push(ctx, image, other)
}

// published is an image of the mirror.
func (s *site) published(ctx context.Context, image string) (v1.Image, error) {
	ref, err := name.ParseReference(s.mirror.Host + "/" + image)
	if err != nil {
		return nil, err
	}
	return remote.Image(ref, remote.WithContext(ctx))
}

// unpackCharts writes the cell's charts as those of another version into a folder, as a
// checkout of them is.
func (s *site) unpackCharts(folder, version string) error {
	for _, name := range slices.Sorted(maps.Keys(s.charts)) {
		of, err := s.as(name, version)
		if err != nil {
			return err
		}
		if err := chartutil.SaveDir(of, folder); err != nil {
			return err
		}
	}
	return nil
}
