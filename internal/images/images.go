// Package images says where the images and charts of a run come from. Its
// subpackages are the sources: release (official images and charts), modules
// (built here from pinned Go modules and Debian packages) and archive (a file
// that was saved before).
package images

import (
	"context"

	"istio-conformance/internal/mesh/istio"
)

// Source provides all that a cell needs.
type Source interface {
	// Name is one of the sources that istio names.
	Name() string
	// Prepare makes the cell's images and charts available, building or
	// fetching only what is not there yet. A cell that the source does not
	// have is an error with status exitcode.Usage that names those it has.
	Prepare(ctx context.Context, cell istio.Pair) (*Set, error)
	// List returns what Prepare would use, without making or fetching it.
	List(ctx context.Context, cell istio.Pair) ([]Item, error)
}

// Second is a source that can bring a version of Istio to nodes which were made
// for another one: for an upgrade both must be there.
type Second interface {
	// PrepareIstio makes the cell's charts and its images of Istio available. The
	// set names no node image, and Load holds what must be loaded into the nodes.
	PrepareIstio(ctx context.Context, cell istio.Pair) (*Set, error)
}

// Item is one thing that a cell is made of.
type Item struct {
	// Kind is image, chart or part; Name is its reference or pin.
	Kind, Name string
	// State says where it is or comes from.
	State string
}

// Engine is what a source needs of the container engine.
type Engine interface {
	// HasImage reports whether the engine holds the reference.
	HasImage(ctx context.Context, ref string) (bool, error)
	// Load reads an archive as "docker save" writes it.
	Load(ctx context.Context, archivePath string) error
	// ImageID returns the id of an image that the engine holds.
	ImageID(ctx context.Context, ref string) (string, error)
	// Save writes images to one archive, as "docker save" does.
	Save(ctx context.Context, archivePath string, refs ...string) error
	// Pull fetches a reference from its registry.
	Pull(ctx context.Context, ref string) error
	// CLI runs the engine's own program against it and returns its standard
	// output.
	CLI(ctx context.Context, args ...string) (string, error)
}

// Set is what a source has prepared for one cell.
type Set struct {
	// Source is the Name of the source.
	Source string `json:"source"`
	// Node is the reference of the node image in the engine.
	Node string `json:"node"`
	// NodeCNI says that the node image brings a network plugin of its own;
	// otherwise the cluster writes a CNI configuration to each node.
	NodeCNI bool `json:"nodeCNI"`
	// Load holds the references in the engine that must be loaded into the
	// nodes; empty when the node image contains them.
	Load []string `json:"load,omitempty"`
	// Hub and Tag are the values global.hub and global.tag of Istio's charts.
	Hub string `json:"hub"`
	Tag string `json:"tag"`
	// Backend is the reference of the image behind the gateway in the tests.
	Backend string `json:"backend"`
	// Charts maps a name (base, istiod, gateway, cni, ztunnel) to the path of
	// the packaged chart.
	Charts map[string]string `json:"charts"`
	// OneVariant says that there is one image for all variants ("distroless",
	// "debug") that charts may ask for by their tags: it was built here.
	OneVariant bool `json:"oneVariant,omitempty"`
	// Ztunnel is the reference of ztunnel's image when it is not the one below Hub;
	// empty when it is, or when there is none.
	Ztunnel string `json:"ztunnel,omitempty"`
	// Proxy is the reference of the image that istiod injects and the gateway runs, as
	// the charts render it; the stack fills it in.
	Proxy string `json:"proxy,omitempty"`
	// Istioctl is the path of Istio's command of this version; empty when the
	// source has none.
	Istioctl string `json:"istioctl,omitempty"`
	// Digests maps a reference to the digest of its image, for the report.
	Digests map[string]string `json:"digests,omitempty"`
	// Notes is what a reader of the report must know about where this came from.
	Notes []string `json:"notes,omitempty"`
}

// ChartNames are the charts of one Istio release, in the order in which they
// can be installed.
var ChartNames = []string{"base", "cni", "istiod", "ztunnel", "gateway"}
