package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
	"istio-conformance/suites/rehearsal"
)

const (
	// closeTimeout bounds the removal of the cluster.
	closeTimeout = 3 * time.Minute
	// rehearsalRate is that of the requests through the gateways during the upgrade.
	rehearsalRate = 60
)

// ofTheMachine are the variables that say where and not what: they count here too.
var ofTheMachine = []string{
	"ISTIO_CONFORMANCE_CACHE", "HOME", "XDG_CACHE_HOME", "NAME", "KEEP", "OUT", "KIND_CONFIG", "HUB", "NODE_IMAGE",
	"VERIFY", "VERIFY_KEY", "VERIFY_KEYRING", "TIMEOUT", "KIND_EXPERIMENTAL_PROVIDER", "DOCKER_HOST", "CONTAINERS_CONF", "HELM",
}

// rehearseTraffic sets the mesh up in a cluster, and upgrades it.
func (f *rehearseFlags) rehearseTraffic(c *cobra.Command, mesh *capture.Mesh, name string) (_ *finding.Report, err error) {
	plan, err := rehearsal.NewPlan(mesh, host.Gather(host.Options{}))
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "istio-conformance-")
	if err != nil {
		return nil, exitcode.Environmentf("directory for the rehearsal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &rehearsal.Rehearsal{Plan: plan, Rate: rehearsalRate}
	installation := filepath.Join(dir, "installation.yaml")
	if err := rehearsal.WriteInstallation(mesh, installation); err != nil {
		return nil, err
	}
	if f.with != "" {
		if r.After, err = capture.Read(f.with); err != nil {
			return nil, err
		}
		after, err := rehearsal.NewPlan(r.After, host.Gather(host.Options{}))
		if err != nil {
			return nil, err
		}
		plan.Towards(after)
		r.Installation = filepath.Join(dir, "to.yaml")
		if err := rehearsal.WriteInstallation(r.After, r.Installation); err != nil {
			return nil, err
		}
	}
	s, err := f.resolve(c.Context(), mesh, name, f.resolveCluster(mesh, installation))
	if err != nil {
		return nil, err
	}
	if r.From, r.To, err = versionsOf(s); err != nil {
		return nil, err
	}
	r.Stack = s.Stack
	return f.runTraffic(c, s, r)
}

// runTraffic makes the rehearsal and writes its report beside those of other runs.
func (f *rehearseFlags) runTraffic(c *cobra.Command, s *stack.Builder, r *rehearsal.Rehearsal) (found *finding.Report, err error) {
	recorder, err := f.recorder(cmp.Or(f.out, s.OutDir()), s.Root(), c.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	if err = s.Build(c.Context(), recorder); err == nil {
		found, err = r.Run(c.Context(), recorder)
	}
	if err != nil {
		recorder.Abort(err, "rehearsal")
	} else {
		err = f.record(recorder, found)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), closeTimeout)
	defer cancel()
	err = errors.Join(err, s.Close(ctx, recorder))
	_, finishErr := recorder.Finish()
	return found, errors.Join(err, finishErr)
}

// resolveCluster finds the versions of a cluster for the mesh: with the captured minor of
// Kubernetes, or the nearest that there is, said.
func (f *rehearseFlags) resolveCluster(mesh *capture.Mesh, installation string) func(context.Context, string) (*stack.Builder, error) {
	return func(ctx context.Context, from string) (*stack.Builder, error) {
		kubernetes := ""
		if v, err := istio.ParseVersion(mesh.Index.Kubernetes); err == nil {
			kubernetes = v.MinorOf().String()
		}
		s, err := f.resolveOn(ctx, from, kubernetes, installation)
		if err == nil || kubernetes == "" {
			return s, err
		}
		other, otherErr := f.resolveOn(ctx, from, "", installation)
		if otherErr != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "‼ the mesh runs on Kubernetes %s, which is not to be had here with Istio %s: %s stands for it\n", mesh.Index.Kubernetes, other.Cell.Istio, other.Cell.Kubernetes)
		return other, nil
	}
}

func (f *rehearseFlags) resolveOn(ctx context.Context, from, kubernetes, installation string) (*stack.Builder, error) {
	given := map[string]string{
		"UPGRADE": "1", "FORCE": "1", "FROM": from, "TO": f.to, "IMAGES": f.source, "CHARTS": f.chartsOf, "KUBERNETES": kubernetes, "INSTALLATION": installation,
	}
	o := options.Register(flag.NewFlagSet("rehearse", flag.ContinueOnError), func(variable string) string {
		if value, ok := given[variable]; ok {
			return value
		}
		if slices.Contains(ofTheMachine, variable) {
			return os.Getenv(variable)
		}
		return "" // what is tested and how is said by the flags of this command alone
	})
	o.Captured = true
	return resolve(ctx, o)
}
