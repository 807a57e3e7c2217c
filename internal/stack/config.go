package stack

import (
	"errors"

	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/images/release"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// DefaultName is the name of the cluster unless the user chooses another.
const DefaultName = "istio-conformance"

// Profiles are the ways to install Istio.
const (
	// ProfileDefault is base, istiod and the gateway: sidecars, and an init
	// container that redirects a pod's traffic.
	ProfileDefault = "default"
	// ProfileCNI adds chart cni: its network plugin redirects, no init container.
	ProfileCNI = "cni"
	// ProfileAmbient adds charts cni and ztunnel: pods without sidecars.
	ProfileAmbient = "ambient"
)

// What an upgrade calls the values with which Istio is installed.
const (
	// ChartsValues are the charts' defaults: no layer.
	ChartsValues = "charts"
	// RecommendedValues are those of the layer of that name.
	RecommendedValues = "recommended"
)

// What may be made in a cluster that is there already.
const (
	// ScopeRead is nothing but a namespace for what is a dry run or needs no pod.
	ScopeRead = "read"
	// ScopeNamespace is pods, routes and policies in one namespace, and the Secrets that
	// a gateway reads in its own namespace alone.
	ScopeNamespace = "namespace"
)

// Config is what the user asks for.
type Config struct {
	// Profile is one of the profiles above; empty means ProfileDefault.
	Profile string
	// Istio and Kubernetes are versions as the user writes them, such as 1.31 or
	// v1.36.3; empty means the source's default.
	Istio, Kubernetes string
	// Images is where images and charts come from: release, modules or archive;
	// empty asks whether a registry answers.
	Images string
	// Archive is the file that source archive reads.
	Archive string
	// Hub, Charts and NodeImage replace the official registry, chart repository
	// and node image of source release; empty keeps them.
	Hub, Charts, NodeImage string
	// Trust says what is checked of that which source release fetches.
	Trust release.Trust
	// Ztunnel is a file with an image of ztunnel as "docker save" writes it, for a
	// source that has none; empty means the source's own.
	Ztunnel string
	// KindConfig is the path of the cluster's configuration.
	KindConfig string
	// Name is the cluster's.
	Name string
	// Kubeconfig and Context name a cluster that is there already; with an empty
	// Kubeconfig a kind cluster is made.
	Kubeconfig, Context string
	// Scope is what may be made in such a cluster: ScopeRead or ScopeNamespace.
	Scope string
	// GatewayName is "namespace/name" of the Service of the gateway under test, where
	// such a cluster has several; empty takes the only one.
	GatewayName string
	// GatewayAddress is where that gateway is reached, see Entrance; empty finds it.
	GatewayAddress string
	// BackendImage is the image of the service behind that gateway, in a registry that
	// the nodes can pull from.
	BackendImage string
	// Keep leaves the cluster for the next run.
	Keep bool
	// SkipInstall takes a kept cluster as it is, and puts nothing right.
	SkipInstall bool
	// Helm is the major version of Helm that installs Istio, 3 or 4; empty means 3.
	Helm string
	// MakeHelm is its library; nil is Helm 3's.
	MakeHelm charts.Maker
	// Waits are the times that the user chose, by name.
	Waits waits.Waits
	// Force allows a pair of versions outside the support table.
	Force bool
	// From is a version of Istio that is installed instead of Istio, to be upgraded
	// to it; the nodes get the images of both. Empty means no upgrade.
	From string
	// ArchiveFrom is the file with From that source archive reads.
	ArchiveFrom string
	// Installation is a file or folder with the releases to install instead of the
	// harness's own; empty means its own.
	Installation string
	// Captured says that Installation is that of a captured mesh, which is upgraded From
	// one version to another.
	Captured bool
	// ValuesLayer names a layer of values, fixtures/values/<layer>-<chart>.yaml, on
	// top of the others; empty means none.
	ValuesLayer string
	// Engine is which container engine runs the nodes.
	Engine engine.Choice
	// Root is the checkout; CacheDir is where what is costly is kept; OutDir is
	// where this run writes.
	Root, CacheDir, OutDir string
}

// Validate checks what can be checked before anything is touched.
func (c Config) Validate() error {
	if err := c.checkHelm(); err != nil {
		return err
	}
	switch c.Profile {
	case "", ProfileDefault, ProfileCNI:
		if c.Ztunnel != "" {
			return exitcode.Usagef("ZTUNNEL=%s: only PROFILE=ambient runs ztunnel; add it, or leave ZTUNNEL out", c.Ztunnel)
		}
	case ProfileAmbient:
		if c.Images == istio.SourceModules && c.Ztunnel == "" {
			return exitcode.Usagef("PROFILE=ambient IMAGES=modules: %s", noZtunnel)
		}
	default:
		return exitcode.Usagef("PROFILE=%s: unknown profile; want default, cni or ambient", c.Profile)
	}
	switch c.Images {
	case "", istio.SourceRelease:
		return errors.Join(release.CheckHub(c.Hub), c.Trust.Check())
	case istio.SourceModules:
	case istio.SourceArchive:
		if c.Archive == "" {
			return exitcode.Usagef("IMAGES=archive: name the file that was saved before: ARCHIVE=<path>")
		}
	default:
		return exitcode.Usagef("IMAGES=%s: unknown source of images; want release, modules or archive", c.Images)
	}
	return nil
}
