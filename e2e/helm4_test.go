//go:build helm4

package e2e

import (
	"log/slog"

	library "istio-conformance/internal/mesh/charts/helm4"
)

func init() {
	helm4 = library.New
	// Where it does not log by the logger that it was given.
	slog.SetDefault(slog.New(slog.DiscardHandler))
}
