package matrix

import (
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// helm3 is the Helm of a cell that names none.
const helm3 = "3"

// byHelm has all cells run by the first Helm of the list, and the newest pair that is run
// once more by each other one: what a second Helm does to charts depends little on the pair.
func (r *Request) byHelm(cells []Cell) ([]Cell, error) {
	for _, helm := range r.Helm {
		if helm != helm3 && helm != "4" {
			return nil, exitcode.Usagef("HELM=%s: want 3, 4, or 3,4 for the newest pair by both", strings.Join(r.Helm, ","))
		}
	}
	if len(r.Helm) == 0 {
		return cells, nil
	}
	for i := range cells {
		cells[i].useHelm(r.Helm[0])
	}
	newest := slices.IndexFunc(cells, func(c Cell) bool { return c.Run && c.Legal() && !c.Optional && c.From == "" })
	if newest < 0 {
		return cells, nil
	}
	for i, helm := range r.Helm[1:] {
		if slices.Contains(r.Helm[:i+1], helm) {
			return nil, exitcode.Usagef("HELM=%s: %s stands there twice", strings.Join(r.Helm, ","), helm)
		}
		other := cells[newest]
		other.useHelm(helm)
		cells = append(cells, other)
	}
	return cells, nil
}

// useHelm notes a Helm other than 3, as which the cells of older matrices are read.
func (c *Cell) useHelm(helm string) {
	c.Helm = ""
	if helm != helm3 {
		c.Helm = helm
	}
}
