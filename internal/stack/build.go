package stack

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/cluster"
	"istio-conformance/internal/images"
	"istio-conformance/internal/images/archive"
	"istio-conformance/internal/images/modules"
	"istio-conformance/internal/images/release"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report/record"
)

// readyTimeout bounds the time from kind's success to Ready nodes and CoreDNS.
const readyTimeout = 3 * time.Minute

// Build makes everything that the checks need, phase by phase. An error says
// which environment could not be built; a failed installation of Istio is no
// such error but what the checks are about: it is kept in InstallError.
func (b *Builder) Build(ctx context.Context, r *record.Recorder) error {
	b.evidenceDir = filepath.Join(r.Dir(), "evidence")
	r.Environment(b.describe)
	for _, p := range b.phases() {
		phase := r.Phase(p.name)
		err := p.run(progress.WithGauges(ctx, phase.Gauge), phase.Logf)
		phase.Done(err)
		r.Environment(b.describe)
		if err != nil {
			return err
		}
	}
	for _, warning := range b.warnings {
		r.Warn("%s", warning)
	}
	install := b.install
	if b.Existing() {
		install = b.discover
	}
	phase := r.Phase("install")
	b.InstallError = install(ctx, phase.Logf)
	if b.Existing() && b.InstallError != nil {
		// Nothing was to be installed: there is nothing to judge.
		phase.Done(b.InstallError)
		r.Environment(b.describe)
		return b.InstallError
	}
	phase.DoneChecked(b.InstallError)
	r.Environment(b.describe)
	return nil
}

// phase is one step of Build.
type phase struct {
	name string
	run  func(context.Context, progress.Logf) error
}

// phases are the steps to a cluster. A cluster that is there already needs
// neither this machine's engine nor images.
func (b *Builder) phases() []phase {
	if b.Existing() {
		return []phase{{"cluster", b.connect}}
	}
	return []phase{{"doctor", b.prepareHost}, {"images", b.prepareImages}, {"cluster", b.prepareCluster}}
}

// Prepare makes sure of the engine and of the images, without a cluster.
func (b *Builder) Prepare(ctx context.Context, logf progress.Logf) error {
	if err := b.prepareHost(ctx, logf); err != nil {
		return err
	}
	return b.prepareImages(ctx, logf)
}

// prepareHost looks at the machine and makes sure of a container engine.
func (b *Builder) prepareHost(ctx context.Context, logf progress.Logf) error {
	b.Host = host.Gather(host.Options{Dirs: []string{b.config.CacheDir, b.config.OutDir}})
	logf("%s", b.Host)
	for _, finding := range host.Findings(b.Host, b.needs()) {
		switch finding.Severity {
		case host.Error:
			return exitcode.Environmentf("%s", finding)
		case host.Warning:
			b.warnings = append(b.warnings, finding.String())
		default:
			logf("%s", finding)
		}
	}
	warnings, err := kernelprobe.EnsureHost(ctx, logf)
	if err != nil {
		return exitcode.Environmentf("the machine's kernel: %w", err)
	}
	b.warnings = append(b.warnings, warnings...)
	b.Engine, err = engine.Ensure(ctx, engine.Options{Choice: b.config.Engine, CacheDir: b.config.CacheDir, Logf: logf})
	if err != nil {
		return err
	}
	logf("%s", b.Engine)
	return nil
}

func (b *Builder) prepareImages(ctx context.Context, logf progress.Logf) error {
	source, err := b.source(logf)
	if err != nil {
		return err
	}
	logf("source %s, %s", source.Name(), b)
	if err := b.loadZtunnel(ctx, logf); err != nil {
		return err
	}
	for _, note := range b.resolved {
		logf("%s", note)
	}
	b.Images, err = source.Prepare(ctx, b.Cell.Pair)
	if err != nil {
		return err
	}
	for _, note := range b.Images.Notes {
		logf("%s", note)
	}
	if err := b.offer(ctx, b.Images, logf); err != nil {
		return err
	}
	return b.prepareFrom(ctx, logf)
}

// ListImages returns what the images and charts of a run would be.
func (b *Builder) ListImages(ctx context.Context) ([]images.Item, error) {
	source, err := b.source(progress.Discard)
	if err != nil {
		return nil, err
	}
	return source.List(ctx, b.Cell.Pair)
}

// source returns where images and charts come from.
func (b *Builder) source(logf progress.Logf) (images.Source, error) {
	switch b.config.Images {
	case istio.SourceRelease:
		return release.New(release.Options{
			Nodes: map[string]string{b.Cell.Kubernetes: b.Cell.NodeImage}, Charts: b.charts, Hub: b.config.Hub, Trust: b.config.Trust, KeyOf: keyOf,
			Images: b.renderedImages,
			Root:   b.config.Root, CacheDir: b.config.CacheDir, Engine: b.Engine, Logf: logf,
		}), nil
	case istio.SourceModules:
		return modules.New(modules.Options{Root: b.config.Root, CacheDir: b.config.CacheDir, Engine: b.Engine, Logf: logf}), nil
	case istio.SourceArchive:
		return archive.New(b.config.Archive, archive.Options{CacheDir: b.config.CacheDir, Engine: b.Engine, Logf: logf}), nil
	default:
		return nil, exitcode.Usagef("IMAGES=%s: unknown source of images; want release, modules or archive", b.config.Images)
	}
}

// prepareCluster takes up the kept cluster, or makes a new one.
func (b *Builder) prepareCluster(ctx context.Context, logf progress.Logf) error {
	if err := b.lockName(); err != nil {
		return err
	}
	config, notes, err := cluster.Adapt(b.kindConfig, cluster.HostNeeds{
		Kubernetes: b.Cell.Kubernetes, CgroupV1: b.Host.CgroupV1(), RestrictOOM: b.Host.Lacks("CAP_SYS_RESOURCE"), NodeCNI: b.Images.NodeCNI,
	})
	if err != nil {
		return err
	}
	options := cluster.Options{
		Engine: b.Engine, Name: b.config.Name, Config: config, NodeImage: b.Images.Node, Logf: logf,
		KubeconfigPath: b.kubeconfigPath(), LogsDir: filepath.Join(b.evidenceDir, "kind"),
	}
	for _, note := range notes {
		logf("%s", note)
	}
	if err := b.openOrCreate(ctx, options, logf); err != nil {
		return err
	}
	if err := b.observeKubernetes(ctx); err != nil {
		return err
	}
	if err := b.RenewClient(); err != nil {
		return err
	}
	load := b.Images.Load
	if b.From != nil {
		load = append(load[:len(load):len(load)], b.From.Load...)
	}
	if err := b.Cluster.LoadImages(ctx, load...); err != nil {
		return err
	}
	if err := b.Cluster.NameImages(ctx, b.imageNames); err != nil {
		return err
	}
	if err := b.writeModulesFile(ctx); err != nil {
		return err
	}
	if err := b.Cluster.Ready(ctx, b.config.Waits.Or(waits.Nodes, readyTimeout)); err != nil {
		return err
	}
	return b.mustReadReleases(ctx)
}

// writeModulesFile gives each node the file by which a real node loads Istio's
// kernel modules at boot.
func (b *Builder) writeModulesFile(ctx context.Context) error {
	script, err := kernelprobe.BootScript()
	if err != nil {
		return err
	}
	return b.OnEachNode(func(node string) error {
		_, err := b.Cluster.Exec(ctx, node, script)
		return err
	})
}

// openOrCreate uses the kept cluster when it is the one that would be made.
func (b *Builder) openOrCreate(ctx context.Context, options cluster.Options, logf progress.Logf) error {
	var err error
	if b.Cluster, err = cluster.Open(ctx, options); err == nil {
		logf("using the kept cluster %s again", b.Cluster.Name)
		b.kept = true
		return nil
	}
	if b.config.SkipInstall {
		return exitcode.Environmentf("INSTALL=skip: there is no kept cluster to take as it is: %w; leave INSTALL out, and one is made", err)
	}
	if !errors.Is(err, cluster.ErrNoCluster) {
		logf("%v", err)
		// Ours, but not usable: it must not hold the ports that are chosen next.
		if err := cluster.Delete(ctx, b.Engine, options.Name, options.KubeconfigPath); err != nil {
			return err
		}
	}
	var notes []string
	if options.Config, notes, err = cluster.ChoosePorts(options.Config, cluster.ListenTCP); err != nil {
		return err
	}
	for _, note := range notes {
		logf("%s", note)
	}
	b.Cluster, err = cluster.Create(ctx, options)
	return err
}
