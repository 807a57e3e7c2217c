package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/images"
	"istio-conformance/internal/images/archive"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// releaseTimeout bounds the installation of one chart, also on a busy machine.
const releaseTimeout = 5 * time.Minute

// Resolve decides what exactly will be built, from what the user asked for. It
// touches nothing: bad input ends here with status exitcode.Usage.
func (b *Builder) Resolve(ctx context.Context) error {
	table, err := istio.Load()
	if err != nil {
		return err
	}
	if b.Existing() {
		// The cluster says which versions it has.
		return nil
	}
	if err := b.readShape(); err != nil {
		return err
	}
	if err := b.readInstallation(); err != nil {
		return err
	}
	if b.config.Images == "" {
		b.config.Images = b.detect(ctx)
	}
	if b.config.Images == istio.SourceRelease {
		if err := b.readCharts(ctx, table); err != nil {
			return err
		}
	}
	if b.Cell, err = b.resolveCell(ctx, table); err != nil {
		return err
	}
	if b.FromCell, err = b.resolveFrom(ctx, table); err != nil {
		return err
	}
	if err := b.judgeSupport(table); err != nil {
		return err
	}
	if b.ztunnel.reference, err = savedImage(b.config.Ztunnel); err != nil {
		return err
	}
	return nil
}

// readShape reads the kind configuration. A node image that it names counts as
// NODE_IMAGE.
func (b *Builder) readShape() error {
	shape, err := cluster.LoadConfig(b.config.KindConfig, HTTPNodePort, HTTPSNodePort, StatusNodePort)
	if err != nil {
		return err
	}
	b.kindConfig, b.resolved = shape.Cluster, append(b.resolved, shape.Notes...)
	if cluster.DualStack(b.kindConfig) && b.config.ValuesLayer == "" {
		b.config.ValuesLayer = dualValues
		b.resolved = append(b.resolved, b.config.KindConfig+": networking.ipFamily: dual: istiod and the gateway get Services of both families, by fixtures/values/dual-*.yaml")
	}
	switch source := b.config.Images; {
	case shape.NodeImage == "":
	case b.config.NodeImage != "":
		b.resolved = append(b.resolved, fmt.Sprintf("%s: the nodes' image %s is not used: NODE_IMAGE=%s", b.config.KindConfig, shape.NodeImage, b.config.NodeImage))
	case source == istio.SourceModules || source == istio.SourceArchive:
		b.resolved = append(b.resolved, fmt.Sprintf("%s: the nodes' image %s is not used: IMAGES=%s brings its own", b.config.KindConfig, shape.NodeImage, source))
	default:
		b.config.NodeImage = shape.NodeImage
	}
	return nil
}

// detect says where images and charts come from when the user does not: who names a
// place of official ones wants these.
func (b *Builder) detect(ctx context.Context) string {
	if b.config.Hub != "" || b.config.Charts != "" || b.config.NodeImage != "" {
		return istio.SourceRelease
	}
	return images.Detect(ctx)
}

func (b *Builder) resolveCell(ctx context.Context, table *istio.Table) (istio.Resolved, error) {
	if b.config.Images != istio.SourceArchive {
		return b.resolveRequest(ctx, table, istio.Request{
			Istio: b.config.Istio, Kubernetes: b.config.Kubernetes, Source: b.config.Images, Force: b.config.Force,
		})
	}
	held, err := archive.New(b.config.Archive, archive.Options{}).Cell()
	if err != nil {
		return istio.Resolved{}, err
	}
	for _, version := range []struct{ name, asked, held string }{
		{"ISTIO", b.config.Istio, held.Istio}, {"KUBERNETES", b.config.Kubernetes, held.Kubernetes},
	} {
		if err := agree(version.name, version.asked, version.held); err != nil {
			return istio.Resolved{}, err
		}
	}
	cell := istio.Resolved{Pair: held}
	return cell, table.Check(cell.Pair, b.config.Force)
}

// agree refuses a version that the user asks for and an archive does not hold.
func agree(name, asked, held string) error {
	if asked == "" {
		return nil
	}
	want, err := istio.ParseVersion(asked)
	if err != nil {
		return exitcode.Usagef("%s=%s: %w", name, asked, err)
	}
	has, err := istio.ParseVersion(held)
	if err != nil {
		return exitcode.Usagef("the archive's version of %s: %w", name, err)
	}
	if !want.SameMinor(has) || want.Full() && want != has {
		return exitcode.Usagef("%s=%s: the archive holds %s; leave %s out, or name another archive", name, asked, held, name)
	}
	return nil
}

// kubeconfigPath is where the cluster's own kubeconfig is written.
func (b *Builder) kubeconfigPath() string {
	return filepath.Join(b.config.OutDir, b.config.Name+".kubeconfig")
}

// Warnings are what a user must know of the run so far.
func (b *Builder) Warnings() []string { return slices.Clone(b.warnings) }

// Notes are what Resolve found of the places that it asked.
func (b *Builder) Notes() []string { return slices.Clone(b.resolved) }

// String names the pair of versions under test.
func (s *Stack) String() string {
	return fmt.Sprintf("Istio %s on Kubernetes %s", s.Cell.Istio, s.Cell.Kubernetes)
}
