package stack

import (
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"istio-conformance/internal/images"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/mesh/charts/origin"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/process/progress"
)

// Builder makes a Stack, in this order: Resolve decides what it will be, Build makes it,
// and Close takes it away again. Only the programs have one.
type Builder struct {
	*Stack
	// Say receives a line for each thing that Resolve has to try again; nil drops them.
	Say progress.Logf
	// Support is what Istio's project says of the pair, or the two of an upgrade.
	Support istio.Reason
	// Host is what the machine is.
	Host host.Facts
	// Engine runs the nodes.
	Engine *engine.Engine

	plan
	notes
}

// plan is what Resolve decides and Build carries out.
type plan struct {
	kindConfig *v1alpha4.Cluster
	charts     origin.Origin   // of source release
	published  []istio.Version // Istio's in charts; nil for other sources
	// ztunnel is the image that Config.Ztunnel holds.
	ztunnel ztunnelImage
	// imageNames are more names by which the nodes must know images that they have.
	imageNames map[string]string
	// asked are the images whose Envoy was asked for its filters.
	asked       map[string]bool
	evidenceDir string
	nameLock    *filelock.Lock // held until the process ends
	othersName  bool           // another run holds the cluster's name
	kept        bool           // the cluster is one of an earlier run
}

// notes are what a report says of how the stack was made.
type notes struct {
	warnings []string
	resolved []string // what Resolve found and the console shows
	// plannedKubernetes is the version that Resolve decided on, where the API server
	// turned out to be of another; empty where it is the same.
	plannedKubernetes string
	filterNotes       []string // which image's Envoy lacks which filters of Istio's own
	keptNotes         []string // what of a kept cluster was not as this run installs it
	wantedNotes       []string // which of the user's values the harness replaces or adds
}

// New returns the builder of what a configuration asks for, with nothing built.
func New(config Config) *Builder {
	s := &Stack{config: config, Namespace: testNamespace}
	if s.InNamespace() {
		s.ownNamespace()
		s.beside = s.newBeside()
	}
	return &Builder{Stack: s}
}

// firstImages are those of the installation that Build makes.
func (s *Stack) firstImages() *images.Set {
	if s.From != nil {
		return s.From
	}
	return s.Images
}
