package upgrade

import (
	"errors"
	"fmt"
	"strings"

	"istio-conformance/internal/mesh/istio"
)

// reasons joins reasons to one error of one line.
func reasons(all []istio.Reason) error {
	if len(all) == 0 {
		return errors.New("no rule says why")
	}
	texts := make([]string, 0, len(all))
	for _, r := range all {
		texts = append(texts, fmt.Sprintf("%s (%s)", r.Text, r.Source))
	}
	return errors.New(strings.Join(texts, "; "))
}
