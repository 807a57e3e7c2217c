package stack

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/images"
	"istio-conformance/internal/images/archive"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/mesh/charts/origin"
	"istio-conformance/internal/mesh/desired"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/report"
)

// releaseTimeout bounds the installation of one chart, also on a busy machine.
const releaseTimeout = 5 * time.Minute

// plan is what Resolve decides and Build carries out.
type plan struct {
	kindConfig  *v1alpha4.Cluster
	warnings    []string
	evidenceDir string
	nameLock    *filelock.Lock // held until the process ends
	othersName  bool           // another run holds the cluster's name
	proxy       report.Proxy
	// asked are the images whose Envoy was asked for its filters; missingFilters are
	// those of Istio's own that one of them lacks, and filterNotes say of which.
	asked          map[string]bool
	missingFilters []string
	filterNotes    []string
	// plannedKubernetes is the version that Resolve decided on, where the API server
	// turned out to be of another; empty where it is the same.
	plannedKubernetes string
	scratch           scratch
	charts            origin.Origin   // of source release
	published         []istio.Version // Istio's in charts; nil for other sources
	notes             []string        // what Resolve found and the console shows
	// kept says that the cluster is one of an earlier run; keptNotes is what of it
	// was not as this run installs it.
	kept      bool
	keptNotes []string
	// wanted are the user's releases, from Config.Installation.
	wanted []desired.Release
	// wantedNotes say which of their values the harness replaces or adds.
	wantedNotes []string
	// ztunnel is the image that Config.Ztunnel holds.
	ztunnel ztunnelImage
	// imageNames are more names by which the nodes must know images that they have.
	imageNames map[string]string
	// Of a cluster that was there before: recorded are the charts of which Helm has a
	// release, revision is istiod's, injection the labels that enrol a namespace,
	// noBackend why there is no image of the backend, and unload takes out of the nodes
	// the one that was loaded.
	recorded  []string
	revision  string
	injection map[string]string
	// trustDomain is of the mesh's identities; empty means Istio's own.
	trustDomain string
	noBackend   string
	unload      func(context.Context) error
	// kind is the engine that runs the nodes kindNodes, where somebody made them with kind
	// on this machine; noKind is why not.
	kind      *engine.Engine
	kindNodes []string
	noKind    string
	// beside is what Beside returns, and own says that this is one.
	beside *Stack
	own    bool
}

// New returns the stack of a configuration, with nothing built.
func New(config Config) *Stack {
	s := &Stack{Config: config, Namespace: testNamespace}
	if s.InNamespace() {
		s.ownNamespace()
		s.beside = s.newBeside()
	}
	return s
}

// Resolve decides what exactly will be built, from what the user asked for. It
// touches nothing: bad input ends here with status exitcode.Usage.
func (s *Stack) Resolve(ctx context.Context) error {
	table, err := istio.Load()
	if err != nil {
		return err
	}
	if s.Existing() {
		// The cluster says which versions it has.
		return nil
	}
	if err := s.readShape(); err != nil {
		return err
	}
	if err := s.readInstallation(); err != nil {
		return err
	}
	if s.Config.Images == "" {
		s.Config.Images = s.detect(ctx)
	}
	if s.Config.Images == istio.SourceRelease {
		if err := s.readCharts(ctx, table); err != nil {
			return err
		}
	}
	if s.Cell, err = s.resolveCell(ctx, table); err != nil {
		return err
	}
	if s.FromCell, err = s.resolveFrom(ctx, table); err != nil {
		return err
	}
	if err := s.judgeSupport(table); err != nil {
		return err
	}
	if s.ztunnel.reference, err = savedImage(s.Config.Ztunnel); err != nil {
		return err
	}
	return nil
}

// readShape reads the kind configuration. A node image that it names counts as
// NODE_IMAGE.
func (s *Stack) readShape() error {
	shape, err := cluster.LoadConfig(s.Config.KindConfig, HTTPNodePort, HTTPSNodePort, StatusNodePort)
	if err != nil {
		return err
	}
	s.kindConfig, s.notes = shape.Cluster, append(s.notes, shape.Notes...)
	if cluster.DualStack(s.kindConfig) && s.Config.ValuesLayer == "" {
		s.Config.ValuesLayer = dualValues
		s.notes = append(s.notes, s.Config.KindConfig+": networking.ipFamily: dual: istiod and the gateway get Services of both families, by fixtures/values/dual-*.yaml")
	}
	switch source := s.Config.Images; {
	case shape.NodeImage == "":
	case s.Config.NodeImage != "":
		s.notes = append(s.notes, fmt.Sprintf("%s: the nodes' image %s is not used: NODE_IMAGE=%s", s.Config.KindConfig, shape.NodeImage, s.Config.NodeImage))
	case source == istio.SourceModules || source == istio.SourceArchive:
		s.notes = append(s.notes, fmt.Sprintf("%s: the nodes' image %s is not used: IMAGES=%s brings its own", s.Config.KindConfig, shape.NodeImage, source))
	default:
		s.Config.NodeImage = shape.NodeImage
	}
	return nil
}

// detect says where images and charts come from when the user does not: who names a
// place of official ones wants these.
func (s *Stack) detect(ctx context.Context) string {
	if s.Config.Hub != "" || s.Config.Charts != "" || s.Config.NodeImage != "" {
		return istio.SourceRelease
	}
	return images.Detect(ctx)
}

func (s *Stack) resolveCell(ctx context.Context, table *istio.Table) (istio.Resolved, error) {
	if s.Config.Images != istio.SourceArchive {
		return s.resolveRequest(ctx, table, istio.Request{
			Istio: s.Config.Istio, Kubernetes: s.Config.Kubernetes, Source: s.Config.Images, Force: s.Config.Force,
		})
	}
	held, err := archive.New(s.Config.Archive, archive.Options{}).Cell()
	if err != nil {
		return istio.Resolved{}, err
	}
	for _, version := range []struct{ name, asked, held string }{
		{"ISTIO", s.Config.Istio, held.Istio}, {"KUBERNETES", s.Config.Kubernetes, held.Kubernetes},
	} {
		if err := agree(version.name, version.asked, version.held); err != nil {
			return istio.Resolved{}, err
		}
	}
	cell := istio.Resolved{Pair: held}
	return cell, table.Check(cell.Pair, s.Config.Force)
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
func (s *Stack) kubeconfigPath() string {
	return filepath.Join(s.Config.OutDir, s.Config.Name+".kubeconfig")
}

// Warnings are what a user must know of the run so far.
func (s *Stack) Warnings() []string { return slices.Clone(s.warnings) }

// Notes are what Resolve found of the places that it asked.
func (s *Stack) Notes() []string { return slices.Clone(s.notes) }

// String names the pair of versions under test.
func (s *Stack) String() string {
	return fmt.Sprintf("Istio %s on Kubernetes %s", s.Cell.Istio, s.Cell.Kubernetes)
}
