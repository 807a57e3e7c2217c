package stack

import (
	"context"

	"istio-conformance/internal/images"
	"istio-conformance/internal/images/modules"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// Charts brings the charts of a version into a directory and returns their paths by
// name. No image is built or fetched. Resolve must have been called.
func (b *Builder) Charts(ctx context.Context, cell istio.Pair, dir string, logf progress.Logf) (map[string]string, error) {
	switch b.config.Images {
	case istio.SourceModules:
		return modules.New(modules.Options{Root: b.config.Root, CacheDir: b.config.CacheDir, Logf: logf}).Charts(ctx, cell, dir)
	case istio.SourceRelease:
		paths := map[string]string{}
		for _, name := range images.ChartNames {
			path, err := b.charts.Pull(ctx, name, cell.Istio, dir)
			if err != nil {
				return nil, err
			}
			paths[name] = path
		}
		return paths, nil
	}
	return nil, exitcode.Usagef("IMAGES=%s: an archive holds one version, and this needs the charts of two; want release or modules", b.config.Images)
}
