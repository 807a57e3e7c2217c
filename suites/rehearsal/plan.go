package rehearsal

import (
	"fmt"
	"os"
	"slices"

	"sigs.k8s.io/yaml"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/questions"
	"istio-conformance/internal/rehearse/stage"
)

// What a cluster with two nodes takes: pods as the kubelets allow by default, less those of
// Kubernetes and Istio itself; and the memory of one stand-in with its sidecar: 46 MiB in a
// mesh of three, and room for the configuration of a larger one.
const (
	onNode        = 110 - 15
	mostStandIns  = 2 * onNode
	standInMemory = 80 << 20
)

// Plan is what of a mesh is set up and asked.
type Plan struct {
	Mesh      *capture.Mesh
	Entrances []*stage.Entrance
	Questions *questions.Set
	// Notes say what the capture did not have.
	Notes []string

	releases []stage.Installed
	standIns map[string]bool
}

// NewPlan looks at a captured mesh before anything is built. What cannot be rehearsed has
// status exitcode.Usage, a mesh that is too large for the machine exitcode.Environment.
func NewPlan(mesh *capture.Mesh, facts host.Facts) (*Plan, error) {
	p := &Plan{Mesh: mesh}
	p.releases, p.Entrances, p.Notes = stage.Installation(mesh)
	if i := slices.IndexFunc(p.releases, func(r stage.Installed) bool { return r.Chart == "ztunnel" }); i >= 0 {
		return nil, exitcode.Usagef("the capture has a release of chart ztunnel (%s/%s): an ambient mesh is not rehearsed with traffic; --static and --config look at it", p.releases[i].Namespace, p.releases[i].Name)
	}
	live, err := stage.BuildLive(mesh, "")
	if err != nil {
		return nil, err
	}
	p.standIns = map[string]bool{questions.Outside: true, questions.Client: true}
	for _, s := range live.StandIns {
		p.standIns[s.String()] = true
	}
	if err := fits(len(live.StandIns), facts); err != nil {
		return nil, err
	}
	p.Questions, err = questions.Of(mesh, live.StandIns, p.Entrances)
	if err != nil {
		return nil, err
	}
	if len(p.Questions.Questions) == 0 {
		return nil, exitcode.Usagef("the capture has no Service with pods and no route to one: there is nothing to ask with traffic; --static and --config look at it")
	}
	return p, nil
}

// Towards adds the questions of the mesh to go to: what only that has is asked of both.
func (p *Plan) Towards(after *Plan) {
	p.Questions.With(after.Questions, func(asker string) bool { return p.standIns[asker] && after.standIns[asker] })
}

// fits says whether the machine can carry so many stand-ins.
func fits(standIns int, facts host.Facts) error {
	need := host.MinMemory + host.Bytes(standIns*standInMemory)
	switch {
	case standIns > mostStandIns:
		return exitcode.Environmentf("the mesh has %d kinds of pods, and two nodes take %d beside Istio: it would need %s of memory and %d nodes; --config compares what its proxies are sent, without pods", standIns, mostStandIns, need, (standIns+onNode-1)/onNode)
	case facts.Memory.Err == nil && facts.Memory.Value < need:
		return exitcode.Environmentf("the mesh has %d kinds of pods: they need %s of memory with their sidecars and the nodes, and the machine has %s; --config compares what its proxies are sent, without pods", standIns, need, facts.Memory)
	}
	return nil
}

// WriteInstallation writes the releases by which Istio is installed for a mesh.
func WriteInstallation(mesh *capture.Mesh, file string) error {
	releases, _, _ := stage.Installation(mesh)
	content, err := yaml.Marshal(map[string]any{"releases": releases})
	if err != nil {
		return fmt.Errorf("releases of the capture: %w", err)
	}
	return os.WriteFile(file, content, 0o600)
}
