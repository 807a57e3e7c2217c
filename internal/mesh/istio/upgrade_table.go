package istio

// Method is how a version of Istio takes the place of another.
type Method string

// The methods. InPlace upgrades the releases that are there; Canary installs a
// second control plane beside the first and moves the workloads over.
const (
	InPlace Method = "in-place"
	Canary  Method = "canary"
)

// Methods are all of them.
var Methods = []Method{InPlace, Canary}

// UpgradeLimits are how far one step may go.
type UpgradeLimits struct {
	InPlace Limit `json:"inPlace"`
	Canary  Limit `json:"canary"`
	// Back bounds a rollback in place.
	Back Limit `json:"back"`
	// Skew is how far a proxy may be behind its control plane.
	Skew Limit `json:"skew"`
}

// Limit is a number of minor versions, and the sentence it stands for.
type Limit struct {
	Minors int    `json:"minors"`
	Source string `json:"source"`
}

// of returns the limit of a move.
func (l *UpgradeLimits) of(m Method, back bool) Limit {
	switch {
	case m == Canary:
		// The way back from a canary is the old control plane, which is still there.
		return l.Canary
	case back:
		return l.Back
	default:
		return l.InPlace
	}
}

// BoundaryKind is what a boundary means for a step across it.
type BoundaryKind string

// The kinds of boundaries.
const (
	Need   BoundaryKind = "need"
	Refuse BoundaryKind = "refuse"
	Note   BoundaryKind = "note"
)

// The directions in which a boundary is met.
const (
	Forward = "forward"
	Back    = "back"
)

// Boundary lies between a minor and the next.
type Boundary struct {
	Name string `json:"name"`
	// After is the last minor before it.
	After Version `json:"after"`
	// When is Forward or Back.
	When string `json:"when"`
	// Methods are those that meet it; none means all.
	Methods []Method `json:"methods,omitempty"`
	// Kubernetes is the oldest minor on which it matters; nil means all.
	Kubernetes *Version     `json:"kubernetes,omitempty"`
	Kind       BoundaryKind `json:"kind"`
	Text       string       `json:"text"`
	// Do are the commands by which a need is met.
	Do     []string `json:"do,omitempty"`
	Source string   `json:"source"`
}
