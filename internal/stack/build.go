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
	"istio-conformance/internal/machine/kernel"
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
func (s *Stack) Build(ctx context.Context, r *record.Recorder) error {
	s.evidenceDir = filepath.Join(r.Dir(), "evidence")
	r.Environment(s.describe)
	for _, p := range s.phases() {
		phase := r.Phase(p.name)
		err := p.run(progress.WithGauges(ctx, phase.Gauge), phase.Logf)
		phase.Done(err)
		r.Environment(s.describe)
		if err != nil {
			return err
		}
	}
	for _, warning := range s.warnings {
		r.Warn("%s", warning)
	}
	install := s.install
	if s.Existing() {
		install = s.discover
	}
	phase := r.Phase("install")
	s.InstallError = install(ctx, phase.Logf)
	if s.Existing() && s.InstallError != nil {
		// Nothing was to be installed: there is nothing to judge.
		phase.Done(s.InstallError)
		r.Environment(s.describe)
		return s.InstallError
	}
	phase.DoneChecked(s.InstallError)
	r.Environment(s.describe)
	return nil
}

// phase is one step of Build.
type phase struct {
	name string
	run  func(context.Context, progress.Logf) error
}

// phases are the steps to a cluster. A cluster that is there already needs
// neither this machine's engine nor images.
func (s *Stack) phases() []phase {
	if s.Existing() {
		return []phase{{"cluster", s.connect}}
	}
	return []phase{{"doctor", s.prepareHost}, {"images", s.prepareImages}, {"cluster", s.prepareCluster}}
}

// Prepare makes sure of the engine and of the images, without a cluster.
func (s *Stack) Prepare(ctx context.Context, logf progress.Logf) error {
	if err := s.prepareHost(ctx, logf); err != nil {
		return err
	}
	return s.prepareImages(ctx, logf)
}

// prepareHost looks at the machine and makes sure of a container engine.
func (s *Stack) prepareHost(ctx context.Context, logf progress.Logf) error {
	s.Host = host.Gather(host.Options{Dirs: []string{s.Config.CacheDir, s.Config.OutDir}})
	logf("%s", s.Host)
	for _, finding := range host.Findings(s.Host, s.needs()) {
		switch finding.Severity {
		case host.Error:
			return exitcode.Environmentf("%s", finding)
		case host.Warning:
			s.warnings = append(s.warnings, finding.String())
		default:
			logf("%s", finding)
		}
	}
	warnings, err := kernel.EnsureHost(ctx, logf)
	if err != nil {
		return exitcode.Environmentf("the machine's kernel: %w", err)
	}
	s.warnings = append(s.warnings, warnings...)
	s.Engine, err = engine.Ensure(ctx, engine.Options{Choice: s.Config.Engine, CacheDir: s.Config.CacheDir, Logf: logf})
	if err != nil {
		return err
	}
	logf("%s", s.Engine)
	return nil
}

func (s *Stack) prepareImages(ctx context.Context, logf progress.Logf) error {
	source, err := s.source(logf)
	if err != nil {
		return err
	}
	logf("source %s, %s", source.Name(), s)
	if err := s.loadZtunnel(ctx, logf); err != nil {
		return err
	}
	for _, note := range s.notes {
		logf("%s", note)
	}
	s.Images, err = source.Prepare(ctx, s.Cell.Pair)
	if err != nil {
		return err
	}
	for _, note := range s.Images.Notes {
		logf("%s", note)
	}
	if err := s.offer(ctx, s.Images, logf); err != nil {
		return err
	}
	return s.prepareFrom(ctx, logf)
}

// ListImages returns what the images and charts of a run would be.
func (s *Stack) ListImages(ctx context.Context) ([]images.Item, error) {
	source, err := s.source(progress.Discard)
	if err != nil {
		return nil, err
	}
	return source.List(ctx, s.Cell.Pair)
}

// source returns where images and charts come from.
func (s *Stack) source(logf progress.Logf) (images.Source, error) {
	switch s.Config.Images {
	case istio.SourceRelease:
		return release.New(release.Options{
			Nodes: map[string]string{s.Cell.Kubernetes: s.Cell.NodeImage}, Charts: s.charts, Hub: s.Config.Hub, Trust: s.Config.Trust, KeyOf: keyOf,
			Images: s.renderedImages,
			Root:   s.Config.Root, CacheDir: s.Config.CacheDir, Engine: s.Engine, Logf: logf,
		}), nil
	case istio.SourceModules:
		return modules.New(modules.Options{Root: s.Config.Root, CacheDir: s.Config.CacheDir, Engine: s.Engine, Logf: logf}), nil
	case istio.SourceArchive:
		return archive.New(s.Config.Archive, archive.Options{CacheDir: s.Config.CacheDir, Engine: s.Engine, Logf: logf}), nil
	default:
		return nil, exitcode.Usagef("IMAGES=%s: unknown source of images; want release, modules or archive", s.Config.Images)
	}
}

// prepareCluster takes up the kept cluster, or makes a new one.
func (s *Stack) prepareCluster(ctx context.Context, logf progress.Logf) error {
	if err := s.lockName(); err != nil {
		return err
	}
	config, notes, err := cluster.Adapt(s.kindConfig, cluster.HostNeeds{
		Kubernetes: s.Cell.Kubernetes, CgroupV1: s.Host.CgroupV1(), RestrictOOM: s.Host.Lacks("CAP_SYS_RESOURCE"), NodeCNI: s.Images.NodeCNI,
	})
	if err != nil {
		return err
	}
	options := cluster.Options{
		Engine: s.Engine, Name: s.Config.Name, Config: config, NodeImage: s.Images.Node, Logf: logf,
		KubeconfigPath: s.kubeconfigPath(), LogsDir: filepath.Join(s.evidenceDir, "kind"),
	}
	for _, note := range notes {
		logf("%s", note)
	}
	if err := s.openOrCreate(ctx, options, logf); err != nil {
		return err
	}
	if err := s.observeKubernetes(ctx); err != nil {
		return err
	}
	if err := s.RenewClient(); err != nil {
		return err
	}
	load := s.Images.Load
	if s.From != nil {
		load = append(load[:len(load):len(load)], s.From.Load...)
	}
	if err := s.Cluster.LoadImages(ctx, load...); err != nil {
		return err
	}
	if err := s.Cluster.NameImages(ctx, s.imageNames); err != nil {
		return err
	}
	if err := s.writeModulesFile(ctx); err != nil {
		return err
	}
	if err := s.Cluster.Ready(ctx, s.Config.Waits.Or(waits.Nodes, readyTimeout)); err != nil {
		return err
	}
	return s.mustReadReleases(ctx)
}

// writeModulesFile gives each node the file by which a real node loads Istio's
// kernel modules at boot.
func (s *Stack) writeModulesFile(ctx context.Context) error {
	script, err := kernel.BootScript()
	if err != nil {
		return err
	}
	return s.OnEachNode(func(node string) error {
		_, err := s.Cluster.Exec(ctx, node, script)
		return err
	})
}

// openOrCreate uses the kept cluster when it is the one that would be made.
func (s *Stack) openOrCreate(ctx context.Context, options cluster.Options, logf progress.Logf) error {
	var err error
	if s.Cluster, err = cluster.Open(ctx, options); err == nil {
		logf("using the kept cluster %s again", s.Cluster.Name)
		s.kept = true
		return nil
	}
	if s.Config.SkipInstall {
		return exitcode.Environmentf("INSTALL=skip: there is no kept cluster to take as it is: %w; leave INSTALL out, and one is made", err)
	}
	if !errors.Is(err, cluster.ErrNoCluster) {
		logf("%v", err)
		// Ours, but not usable: it must not hold the ports that are chosen next.
		if err := cluster.Delete(ctx, s.Engine, options.Name, options.KubeconfigPath); err != nil {
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
	s.Cluster, err = cluster.Create(ctx, options)
	return err
}
