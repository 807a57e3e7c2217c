package options

import (
	"regexp"
	"slices"
	"strings"
)

// notTheSubject are the options that say how checks run and where the report goes;
// all others say what is tested, and with other values a check answers another question.
var notTheSubject = []string{
	"config", "keep", "out", "baseline", "mutate", "exam", "upgrade", "gateway-api", "load", "run", "shard", "select", "list", "format", "dry-run",
	"parallel", "repeat", "retry", "flake-budget", "fail-fast",
}

// Again returns the arguments of make with which a run tests the same as this one:
// each option that is not the default, wherever it came from, such as ISTIO=1.30.
// It is known once Complete has returned.
func (o *Options) Again() []string { return o.again }

// rememberSubject is called before anything fills in what was left out.
func (o *Options) rememberSubject() {
	o.again = nil
	for _, s := range o.settings {
		value := o.flags.Lookup(s.flag).Value.String()
		if value == s.fallback || slices.Contains(notTheSubject, s.flag) {
			continue
		}
		if s.kind == truth {
			value = "1"
		}
		o.again = append(o.again, s.variable+"="+quoted(value))
	}
	if o.keep == "1" && o.cluster == "kind" && o.install == "" && !o.Mutate && !o.upgrade.on {
		// The kept cluster is what failed: put right, it might pass.
		o.again = append(o.again, "INSTALL=skip")
	}
	if o.cluster == "existing" && o.kubeconfig != "" {
		o.again = append(o.again, "KUBECONFIG="+quoted(o.kubeconfig))
	}
}

var plain = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// quoted is value as a shell takes it, and as make then takes it.
func quoted(value string) string {
	value = strings.ReplaceAll(value, "$", "$$")
	if plain.MatchString(value) {
		return value
	}
	return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
}
