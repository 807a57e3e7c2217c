package stack

import (
	"context"
	"io/fs"

	"istio-conformance/fixtures"
	"istio-conformance/internal/images"
	"istio-conformance/internal/images/archive"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// resolveFrom finds the full version that an upgrade begins with. Whether Istio
// may go from there to the other is the upgrade suite's to say: a forced path is
// still a path.
func (s *Stack) resolveFrom(ctx context.Context, table *istio.Table) (istio.Resolved, error) {
	if s.Config.From == "" {
		return istio.Resolved{}, nil
	}
	if s.Config.Images == istio.SourceArchive {
		held, err := archive.New(s.Config.ArchiveFrom, archive.Options{}).Cell()
		if err != nil {
			return istio.Resolved{}, err
		}
		return istio.Resolved{Pair: istio.Pair{Istio: held.Istio, Kubernetes: s.Cell.Kubernetes}}, agree("FROM", s.Config.From, held.Istio)
	}
	return s.resolveRequest(ctx, table, istio.Request{
		Istio: s.Config.From, Kubernetes: s.Cell.Kubernetes, Source: s.Config.Images, Force: true,
	})
}

// prepareFrom prepares the images and charts that an upgrade begins with.
func (s *Stack) prepareFrom(ctx context.Context, logf progress.Logf) error {
	if s.Config.From == "" {
		return nil
	}
	var source images.Source
	var err error
	if s.Config.Images == istio.SourceArchive {
		source = archive.New(s.Config.ArchiveFrom, archive.Options{CacheDir: s.Config.CacheDir, Engine: s.Engine, Logf: logf})
	} else if source, err = s.source(logf); err != nil {
		return err
	}
	cell := s.FromCell.Pair
	logf("and Istio %s, to be upgraded from", cell.Istio)
	if second, ok := source.(images.Second); ok {
		if s.From, err = second.PrepareIstio(ctx, cell); err != nil {
			return err
		}
		return s.offer(ctx, s.From, logf)
	}
	return exitcode.Usagef("IMAGES=%s cannot bring a second version of Istio to a node", source.Name())
}

// firstImages are those of the installation that Build makes.
func (s *Stack) firstImages() *images.Set {
	if s.From != nil {
		return s.From
	}
	return s.Images
}

// withLayer adds a layer's file for a chart, if there is one.
func withLayer(files []string, layer, chart string) []string {
	if layer == "" {
		return files
	}
	name := layer + "-" + chart
	if _, err := fs.Stat(fixtures.Files, "values/"+name+".yaml"); err != nil {
		return files
	}
	return append(files[:len(files):len(files)], name)
}
