package upgrade

import (
	"errors"
	"fmt"

	"istio-conformance/internal/istio"
)

// reasons joins reasons to one error of one line.
func reasons(all []istio.Reason) error {
	if len(all) == 0 {
		return errors.New("no rule says why")
	}
	text := ""
	for i, r := range all {
		if i > 0 {
			text += "; "
		}
		text += fmt.Sprintf("%s (%s)", r.Text, r.Source)
	}
	return errors.New(text)
}
