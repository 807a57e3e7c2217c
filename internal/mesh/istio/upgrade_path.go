package istio

import (
	"fmt"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// Path returns the moves from a version to another, each no longer than one step
// of the method may be. The moves end at minors on the way; the first and the
// last version are kept as they are.
func (t *Table) Path(from, to Version, method Method, kubernetes *Version) []Move {
	direct := Move{From: from, To: to, Method: method, Kubernetes: kubernetes}
	limit := max(1, t.Upgrade.of(method, direct.Back()).Minors)
	var moves []Move
	for at := from; ; {
		move := Move{From: at, To: to, Method: method, Kubernetes: kubernetes}
		if move.From.Major != move.To.Major || move.distance() <= limit {
			return append(moves, move)
		}
		next := Version{at.Major, at.Minor + limit, noPatch, ""}
		if direct.Back() {
			next.Minor = at.Minor - limit
		}
		move.To = next
		moves = append(moves, move)
		at = next
	}
}

// ParsePath reads "1.28", "1.31" as one move, "1.28..1.31" as every step on the
// way, and three or more versions as the steps between them. Errors have status
// exitcode.Usage.
func (t *Table) ParsePath(texts []string, method Method, kubernetes *Version) ([]Move, error) {
	if len(texts) == 1 {
		first, last, ranged := strings.Cut(texts[0], "..")
		if !ranged {
			return nil, exitcode.Usagef("one version is no path: name two or more, or a range such as 1.28..1.31")
		}
		from, err := ParseVersion(first)
		if err != nil {
			return nil, exitcode.Usagef("path %s: %w", texts[0], err)
		}
		to, err := ParseVersion(last)
		if err != nil {
			return nil, exitcode.Usagef("path %s: %w", texts[0], err)
		}
		return t.Path(from, to, method, kubernetes), nil
	}
	var moves []Move
	var last Version
	for i, text := range texts {
		v, err := ParseVersion(text)
		if err != nil {
			return nil, exitcode.Usagef("path: %w", err)
		}
		if i > 0 {
			moves = append(moves, Move{From: last, To: v, Method: method, Kubernetes: kubernetes})
		}
		last = v
	}
	return moves, nil
}

// CheckSkew returns an error when a proxy does not fit its control plane: it may
// be behind by some minors and never ahead. A newer patch of the same minor is
// not ahead.
func (t *Table) CheckSkew(controlPlane, proxy Version) error {
	switch behind := controlPlane.Minor - proxy.Minor; {
	case controlPlane.Major != proxy.Major:
		return fmt.Errorf("a proxy of Istio %s is of another major version than its control plane, %s", proxy, controlPlane)
	case behind < 0:
		return fmt.Errorf("a proxy of Istio %s is ahead of its control plane, %s; a proxy may never be (%s)", proxy, controlPlane, t.Upgrade.Skew.Source)
	case behind > t.Upgrade.Skew.Minors:
		return fmt.Errorf("a proxy of Istio %s is %d minor versions behind its control plane, %s; at most %d are allowed (%s)",
			proxy, behind, controlPlane, t.Upgrade.Skew.Minors, t.Upgrade.Skew.Source)
	}
	return nil
}

// Order returns the components of an installation in the order in which a move
// changes them: the control plane first on the way forward, last on the way back,
// so that no proxy is ever ahead of it.
func Order(back bool) []string {
	if back {
		return []string{"workloads", "gateway", "istiod", "base"}
	}
	return []string{"base", "istiod", "gateway", "workloads"}
}
