package envoy

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseStats reads the counters and gauges in the answer of GET /stats, one line
// "<name>: <value>" each. Histograms and text are passed over. Names keep the ";"
// by which Istio ends a cluster's name.
func ParseStats(text string) (map[string]uint64, error) {
	stats := map[string]uint64{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		// A name may contain ": " as little as a number does.
		i := strings.LastIndex(line, ": ")
		if i < 0 {
			return nil, fmt.Errorf("envoy's /stats: line %q is not <name>: <value>", line)
		}
		if value, err := strconv.ParseUint(line[i+2:], 10, 64); err == nil {
			stats[line[:i]] = value
		}
	}
	return stats, nil
}

// ClusterStats returns the statistics of one cluster by their names within it,
// such as "upstream_rq_total", out of what ParseStats returned.
func ClusterStats(stats map[string]uint64, cluster string) map[string]uint64 {
	own := map[string]uint64{}
	for name, value := range stats {
		rest, ok := strings.CutPrefix(name, "cluster."+strings.TrimSuffix(cluster, ";"))
		if !ok {
			continue
		}
		if short, ok := strings.CutPrefix(strings.TrimPrefix(rest, ";"), "."); ok {
			own[short] = value
		}
	}
	return own
}
