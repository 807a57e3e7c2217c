package kernelprobe

import (
	"context"
	"fmt"
	"strings"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/progress"
)

// EnsureHost loads the modules of an operator's list that this machine has as
// loadable ones, before a cluster is made on it: nodes in containers use the host's
// kernel and cannot always load modules themselves. Each command is said first. It
// returns a warning for each module that is loadable and could not be loaded, for
// example by who is not root; whether that matters the checks will tell.
func EnsureHost(ctx context.Context, logf progress.Logf) (warnings []string, err error) {
	table, err := Requirements()
	if err != nil {
		return nil, err
	}
	facts, err := Gather("/")
	if err != nil {
		return nil, err
	}
	for i := range table {
		r := &table[i]
		if state, _ := facts.State(r); !r.Boot || state != Loadable {
			continue
		}
		load := "modprobe " + r.Name
		if err := mayLoad(); err != nil {
			warnings = append(warnings, fmt.Sprintf("kernel module %s, for %s, is loadable and not loaded: run %s as root", r.Name, r.Purpose, load))
			continue
		}
		logf("loading kernel module %s, for %s: %s", r.Name, r.Purpose, load)
		if err := command.Run(ctx, "modprobe", r.Name); err != nil {
			warnings = append(warnings, fmt.Sprintf("kernel module %s, for %s, could not be loaded: %s", r.Name, r.Purpose, oneLine(err.Error())))
		}
	}
	return warnings, ctx.Err()
}

// BootScript is a shell script that writes the modules-load.d file of an operator's
// notes, as it stands on real nodes, into a node.
func BootScript() (string, error) {
	table, err := Requirements()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("mkdir -p /etc/modules-load.d && printf '%%s\\n' %s >%s", strings.Join(BootModules(table), " "), BootFile), nil
}
