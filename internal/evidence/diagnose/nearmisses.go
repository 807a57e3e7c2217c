package diagnose

import (
	"slices"
	"strconv"
	"strings"
)

// observeNearMisses makes a record of each request that no ALLOW policy of a pod let pass,
// for each rule that would have but for one thing that the access log shows: its host, its
// method or its path. A rule that also asks who the client is, or anything that the log
// does not say, is no near miss.
// Source: https://istio.io/latest/docs/reference/config/security/authorization-policy/#Operation
func (w *world) observeNearMisses() {
	for _, r := range slices.Clone(w.records["access"]) {
		pod := w.pod(split(r.Fields["pod"]))
		if pod == nil || r.Fields["details"] != "rbac_access_denied_matched_policy[none]" || r.Fields["past"] == "true" {
			continue
		}
		for i := range w.others[policiesKind] {
			p := &w.others[policiesKind][i]
			if action := str(p.Object, "spec", "action"); !applies(p, pod) || action != "" && action != "ALLOW" {
				continue
			}
			for _, rule := range list(p.Object, "spec", "rules") {
				if field, wanted, had := nearMiss(rule, r.Fields); field != "" {
					w.add("nearmiss", r.File, r.Text, "object", id(p.GetNamespace(), p.GetName()), "pod", r.Fields["pod"], "host", r.Fields["host"], "path", r.Fields["path"],
						"field", field, "wanted", strings.Join(wanted, ", "), "had", had, "port", strconv.FormatBool(field == "hosts" && butForPort(wanted, had)))
				}
			}
		}
	}
}

// nearMiss is the one field of a rule that a request does not meet; none where there are
// several, or where more than an access log says is asked.
func nearMiss(rule map[string]any, request map[string]string) (field string, wanted []string, had string) {
	if at(rule, "from") != nil || at(rule, "when") != nil {
		return "", nil, ""
	}
	for _, to := range list(rule, "to") {
		path, _, _ := strings.Cut(request["path"], "?")
		has := map[string]string{"hosts": request["host"], "methods": request["method"], "paths": path}
		operation, _ := at(to, "operation").(map[string]any) // nil where it is no table
		unmet := []string{}
		for name := range operation {
			value, known := has[name]
			patterns := texts(operation, name)
			if !known || value == "" || slices.ContainsFunc(patterns, func(p string) bool { return strings.Contains(p, "{") }) {
				unmet = nil
				break
			}
			if !slices.ContainsFunc(patterns, func(p string) bool { return fits(p, value) }) {
				unmet = append(unmet, name)
			}
		}
		if len(unmet) == 1 {
			return unmet[0], texts(operation, unmet[0]), has[unmet[0]]
		}
	}
	return "", nil, ""
}

// butForPort reports whether a host is one that is wanted, with a port behind it.
func butForPort(wanted []string, host string) bool {
	bare, port, found := strings.Cut(host, ":")
	return found && port != "" && slices.ContainsFunc(wanted, func(p string) bool { return fits(p, bare) })
}
