package matrix

import (
	"strings"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// Request is which cells are wanted.
type Request struct {
	// Istio and Kubernetes are lists of minors or full versions; an empty one means
	// the newest of each minor that the source has and Istio's project supports.
	Istio, Kubernetes []string
	// Upgrades are pairs FROM:TO, run on each Kubernetes beside the cells.
	Upgrades []string
	// Helm are major versions of Helm: the first one runs all cells, the others the newest
	// pair once more each. An empty list means 3.
	Helm []string
	// Source is istio.SourceRelease or istio.SourceModules.
	Source string
	// ProveIllegal runs cells that are refused, too.
	ProveIllegal bool
	// Latest is what is published, to plan from; nil plans from the table.
	Latest *Latest
}

// Latest is what is published.
type Latest struct {
	// Istio are the releases and pre-releases of Origin, the newest first.
	Istio  []istio.Version
	Origin string
	// Supported are the minors that Istio's project supports today.
	Supported []istio.Version
	// Nodes are node images that the table may not have, the newest first.
	Nodes []istio.Node
}

// Plan returns the cells, by Istio and then by Kubernetes, the newest first, and
// after them the upgrades. Errors have status exitcode.Usage.
func Plan(table *istio.Table, r Request) ([]Cell, error) {
	istios, err := r.versions(table, r.Istio, r.newest(table), true)
	if err != nil {
		return nil, err
	}
	kubernetes, err := r.versions(table, r.Kubernetes, nil, false)
	if err != nil {
		return nil, err
	}
	chosen := len(r.Kubernetes) > 0
	if !chosen {
		kubernetes = r.nodes(table)
	}
	var cells []Cell
	for _, i := range istios {
		for _, k := range kubernetes {
			reason := table.Standing(i, k)
			asked := chosen || len(r.Istio) > 0 && reason.Standing == istio.Unknown
			if !asked && reason.Standing != istio.Supported {
				continue // nobody asked for it
			}
			cells = append(cells, r.cell(Cell{Pair: istio.Pair{Istio: i.String(), Kubernetes: "v" + k.String()}, Standing: reason.Standing, Why: reason.Text}))
		}
	}
	cells = append(cells, r.preRelease(table, kubernetes, chosen)...)
	for _, pair := range r.Upgrades {
		upgrades, err := r.upgrades(table, pair, kubernetes, chosen)
		if err != nil {
			return nil, err
		}
		cells = append(cells, upgrades...)
	}
	if len(cells) == 0 {
		return nil, exitcode.Usagef("the matrix has no cell: IMAGES=%s has no pair of versions that Istio supports", r.Source)
	}
	return r.byHelm(cells)
}

// cell decides whether a cell is run. The test binary itself refuses one that is
// only tested, so that it is not run either.
func (r *Request) cell(c Cell) Cell {
	c.Run = c.Legal() || r.ProveIllegal
	return c
}

// upgrades are the cells of one pair of versions.
func (r *Request) upgrades(table *istio.Table, pair string, kubernetes []istio.Version, chosen bool) ([]Cell, error) {
	from, to, two := strings.Cut(pair, ":")
	if !two {
		return nil, exitcode.Usagef("upgrade %q: want FROM:TO, such as 1.30:1.31", pair)
	}
	ends, err := r.versions(table, []string{from, to}, nil, true)
	if err != nil {
		return nil, err
	}
	var cells []Cell
	for _, k := range kubernetes {
		ruling := table.Judge(istio.Move{From: ends[0], To: ends[1], Method: istio.InPlace, Kubernetes: &k})
		if !chosen && ruling.Standing != istio.Supported {
			continue
		}
		var why []string
		for _, reason := range ruling.Worst() {
			why = append(why, reason.Text)
		}
		cells = append(cells, r.cell(Cell{
			Pair: istio.Pair{Istio: ends[1].String(), Kubernetes: "v" + k.String()}, From: ends[0].String(), Standing: ruling.Standing, Why: strings.Join(why, "; "),
		}))
	}
	return cells, nil
}

// versions are full versions that the source has, for what was asked; nothing
// means the fallback.
func (r *Request) versions(table *istio.Table, asked []string, fallback []istio.Version, ofIstio bool) ([]istio.Version, error) {
	if len(asked) == 0 {
		return fallback, nil
	}
	var found []istio.Version
	for _, text := range asked {
		request := istio.Request{Source: r.Source, Force: true, Kubernetes: text}
		if r.Latest != nil {
			request.Published, request.Origin, request.Nodes = r.Latest.Istio, r.Latest.Origin, r.Latest.Nodes
		}
		if ofIstio {
			request.Kubernetes, request.Istio = table.KubernetesIn(r.Source)[0].Version.String(), text
		} else if r.Latest != nil && len(r.Latest.Istio) > 0 {
			request.Istio = r.Latest.Istio[0].String()
		}
		cell, err := table.Resolve(request)
		if err != nil {
			return nil, err
		}
		full := cell.Kubernetes
		if ofIstio {
			full = cell.Istio
		}
		v, err := istio.ParseVersion(full)
		if err != nil {
			return nil, err
		}
		found = append(found, v)
	}
	return found, nil
}
