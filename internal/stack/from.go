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
func (b *Builder) resolveFrom(ctx context.Context, table *istio.Table) (istio.Resolved, error) {
	if b.config.From == "" {
		return istio.Resolved{}, nil
	}
	if b.config.Images == istio.SourceArchive {
		held, err := archive.New(b.config.ArchiveFrom, archive.Options{}).Cell()
		if err != nil {
			return istio.Resolved{}, err
		}
		return istio.Resolved{Pair: istio.Pair{Istio: held.Istio, Kubernetes: b.Cell.Kubernetes}}, agree("FROM", b.config.From, held.Istio)
	}
	return b.resolveRequest(ctx, table, istio.Request{
		Istio: b.config.From, Kubernetes: b.Cell.Kubernetes, Source: b.config.Images, Force: true,
	})
}

// prepareFrom prepares the images and charts that an upgrade begins with.
func (b *Builder) prepareFrom(ctx context.Context, logf progress.Logf) error {
	if b.config.From == "" {
		return nil
	}
	var source images.Source
	var err error
	if b.config.Images == istio.SourceArchive {
		source = archive.New(b.config.ArchiveFrom, archive.Options{CacheDir: b.config.CacheDir, Engine: b.Engine, Logf: logf})
	} else if source, err = b.source(logf); err != nil {
		return err
	}
	cell := b.FromCell.Pair
	logf("and Istio %s, to be upgraded from", cell.Istio)
	if second, ok := source.(images.Second); ok {
		if b.From, err = second.PrepareIstio(ctx, cell); err != nil {
			return err
		}
		return b.offer(ctx, b.From, logf)
	}
	return exitcode.Usagef("IMAGES=%s cannot bring a second version of Istio to a node", source.Name())
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
