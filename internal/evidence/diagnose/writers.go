package diagnose

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// manyChanges is how often a webhook configuration may have been changed before it is
// worth telling that two still write it.
const manyChanges = 10

// istiodWrites is the name by which istiod writes failurePolicy and caBundle.
// Source: istio.io/istio/pilot/cmd/pilot-discovery, the program's name.
const istiodWrites = "pilot-discovery"

// observeWriters makes a record of a webhook configuration that istiod and somebody else
// both wrote a moment ago, and that was changed often.
func (w *world) observeWriters(kind, file string, config *metav1.ObjectMeta) {
	var byIstiod time.Time
	other, byOther := "", time.Time{}
	for _, entry := range config.ManagedFields {
		switch {
		case entry.Time == nil:
		case entry.Manager == istiodWrites:
			byIstiod = entry.Time.Time
		case entry.Time.After(byOther):
			other, byOther = entry.Manager, entry.Time.Time
		}
	}
	if !strings.Contains(config.Name, "istio") || config.Generation < manyChanges || w.now.Sub(byIstiod) > recent || w.now.Sub(byOther) > recent {
		return
	}
	w.add("writers", file, fmt.Sprintf("%s webhook configuration %s: generation %d, written by %s at %s and by %s at %s", kind, config.Name, config.Generation, istiodWrites, byIstiod.Format(time.RFC3339), other, byOther.Format(time.RFC3339)),
		"config", config.Name, "kind", kind, "changes", strconv.FormatInt(config.Generation, 10), "since", config.CreationTimestamp.UTC().Format(time.RFC3339),
		"manager", other, "at", byOther.UTC().Format("15:04:05"), "istiod", byIstiod.UTC().Format("15:04:05"))
}
