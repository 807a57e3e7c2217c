package istio

import (
	"fmt"
	"strings"
)

// Ending is a place of charts or images that Istio's project switches off.
type Ending struct {
	// Place is what references begin with: a host, or a host and a path.
	Place string `json:"place"`
	// Last is the last minor that is published there.
	Last Version `json:"last"`
	// When says when it ends, as part of a sentence.
	When string `json:"when"`
	// Instead is where the same is to be had.
	Instead string `json:"instead"`
	Source  string `json:"source"`
}

func (e *Ending) String() string {
	return fmt.Sprintf("%s %s, and has nothing newer than Istio %s: use %s (%s)", e.Place, e.When, e.Last, e.Instead, e.Source)
}

// Ends returns the row of a place that ends, for a URL, an oci:// reference or the
// reference of an image; nil where nothing is known of its end.
func (t *Table) Ends(reference string) *Ending {
	if _, rest, found := strings.Cut(reference, "://"); found {
		reference = rest
	}
	for i := range t.Ending {
		e := &t.Ending[i]
		if rest, found := strings.CutPrefix(reference, e.Place); found && (rest == "" || strings.ContainsAny(rest[:1], "/:@")) {
			return e
		}
	}
	return nil
}
