package diagnose

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// roots counts the groups of proxies that trust no root certificate of the other
// groups, and names the pods of the smallest one. While a root is replaced with an
// overlap every proxy trusts both, and there is one group.
func (w *world) roots() (groups int, pods string) {
	members := map[string][]string{} // the roots of a group, as one text -> its pods
	for _, folder := range w.glob("proxies/*/*") {
		parts := strings.Split(folder, "/")
		if w.pod(parts[1], parts[2]) == nil {
			continue
		}
		trusted := w.trustedRoots(path.Join(folder, "certs.json"))
		if len(trusted) == 0 {
			continue
		}
		key := strings.Join(trusted, " ")
		for known := range members {
			if slices.ContainsFunc(trusted, func(serial string) bool { return slices.Contains(strings.Fields(known), serial) }) {
				key = known
			}
		}
		members[key] = append(members[key], id(parts[1], parts[2]))
	}
	smallest := slices.Collect(maps.Values(members))
	if len(smallest) < 2 {
		return len(smallest), ""
	}
	slices.SortFunc(smallest, func(a, b []string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return slices.Compare(a, b)
	})
	return len(smallest), strings.Join(smallest[0], ", ")
}

// trustedRoots returns the serial numbers of the root certificates with the mesh's
// identity that an Envoy trusts, sorted.
func (w *world) trustedRoots(file string) []string {
	content, err := fs.ReadFile(w.files, file)
	if err != nil {
		return nil
	}
	var certs struct {
		Certificates []map[string]any `json:"certificates"`
	}
	if err := json.Unmarshal(content, &certs); err != nil {
		return nil
	}
	var serials []string
	for _, pair := range certs.Certificates {
		if !meshIdentity(pair) {
			continue
		}
		for _, ca := range list(pair, "ca_cert") {
			if serial := str(ca, "serial_number"); serial != "" {
				serials = append(serials, serial)
			}
		}
	}
	slices.Sort(serials)
	return slices.Compact(serials)
}

// meshIdentity says whether a pair of certificates is a workload's own, or the mesh's
// root, and not a certificate of a Gateway's server.
func meshIdentity(pair map[string]any) bool {
	chain := list(pair, "cert_chain")
	if len(chain) == 0 {
		return true
	}
	for _, c := range chain {
		for _, n := range list(c, "subject_alt_names") {
			if strings.HasPrefix(str(n, "uri"), "spiffe://") {
				return true
			}
		}
	}
	return false
}
