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

// observeWriters makes a record of a webhook configuration that was changed often, and
// that istiod wrote a moment ago although it has been running for long: it writes what
// somebody else has changed. Who that is can be seen only while it owns another field.
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
	started := w.istiodSince()
	if !strings.Contains(config.Name, "istio") || config.Generation < manyChanges || w.now.Sub(byIstiod) > recent || byIstiod.Sub(started) < recent {
		return
	}
	also := ""
	if w.now.Sub(byOther) < recent {
		also = " and by " + other + " at " + byOther.UTC().Format(time.TimeOnly)
	}
	w.add("writers", file, fmt.Sprintf("%s webhook configuration %s: generation %d, written by %s at %s%s", kind, config.Name, config.Generation, istiodWrites, byIstiod.Format(time.RFC3339), also),
		"config", config.Name, "kind", kind, "changes", strconv.FormatInt(config.Generation, 10), "since", config.CreationTimestamp.UTC().Format(time.RFC3339),
		"by", "istiod at "+byIstiod.UTC().Format(time.TimeOnly)+also, "started", started.UTC().Format(time.RFC3339))
}

// istiodSince is when the youngest pod of istiod was made.
func (w *world) istiodSince() time.Time {
	var since time.Time
	for i := range w.pods {
		if made := w.pods[i].CreationTimestamp.Time; role(&w.pods[i]) == "istiod" && made.After(since) {
			since = made
		}
	}
	return since
}
