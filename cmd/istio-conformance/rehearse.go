package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"istio-conformance/internal/images/gatewaycrds"
	"istio-conformance/internal/images/modules"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/config"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/static"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
)

// rehearseFlags say which upgrade is rehearsed, and how.
type rehearseFlags struct {
	static, config, json       bool
	from, to, source, chartsOf string
	// with is a second capture: what the mesh is to be after the step.
	with string
}

// rehearseCommand says what an upgrade changes for a captured mesh.
func rehearseCommand() *cobra.Command {
	var f rehearseFlags
	c := &cobra.Command{
		Use:   "rehearse CAPTURE",
		Short: "Say what a new version of Istio changes for a mesh that was captured",
		Long: `Answer "may we upgrade?" with a mesh of your own, which istio-conformance capture wrote: an
archive, or the folder that it is unpacked to. Nothing of yours is changed or asked.
  --static  in seconds, without a cluster: values that the new charts ignore or refuse, fields
            and versions that are gone, stored versions, places of images that end, CRDs of the
            Gateway API, proxies that are too old, upgrade notes that this mesh meets
  --config  in a minute or two, without a cluster and without traffic: istiod of both versions
            and an API server run as plain processes of this machine with the captured objects,
            and the configuration that each kind of proxy is sent is compared
With --with, what is compared is two captures: FROM with the first, TO with the second. The
versions may be the same: what does this change of configuration do?
Exit status: 0 nothing breaks, 1 something breaks or differs, 2 bad flags or a capture that
cannot be read, 3 the charts could not be had.`,
		Example: `  istio-conformance rehearse --static mesh.tar.gz --to 1.31
  istio-conformance rehearse --static mesh/ --from 1.30 --to 1.31 --json
  istio-conformance rehearse --config mesh.tar.gz --to 1.31 --images modules
  istio-conformance rehearse --config main.tar.gz --with pull-request.tar.gz --from 1.31 --to 1.31`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exitcode.Usagef("%s: name one capture, such as mesh.tar.gz; istio-conformance capture writes it", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			report, err := f.run(c, args[0])
			if err != nil {
				return err
			}
			if f.json {
				err = report.WriteJSON(c.OutOrStdout())
			} else {
				report.WriteText(c.OutOrStdout())
			}
			return errors.Join(err, report.Err())
		},
	}
	c.Flags().BoolVar(&f.static, "static", false, "look at what needs no cluster")
	c.Flags().BoolVar(&f.config, "config", false, "compare what the proxies are sent")
	c.Flags().StringVar(&f.with, "with", "", "with --config: the capture to go to, if the mesh changes too")
	c.Flags().BoolVar(&f.json, "json", false, "write JSON")
	c.Flags().StringVar(&f.to, "to", os.Getenv("TO"), "version of Istio to go to ($TO)")
	c.Flags().StringVar(&f.from, "from", os.Getenv("FROM"), "version of Istio that the mesh has; default: the one in the capture ($FROM)")
	c.Flags().StringVar(&f.source, "images", os.Getenv("IMAGES"), "where the charts come from: release or modules; default: release if a registry answers ($IMAGES)")
	c.Flags().StringVar(&f.chartsOf, "charts", os.Getenv("CHARTS"), "chart repository, registry or folder for source release ($CHARTS)")
	return c
}

func (f *rehearseFlags) run(c *cobra.Command, name string) (_ *finding.Report, err error) {
	switch {
	case f.static == f.config:
		return nil, exitcode.Usagef("%s: say how closely to look: --static or --config", c.CommandPath())
	case f.to == "":
		return nil, exitcode.Usagef("%s: say to which version: --to 1.31", c.CommandPath())
	case f.with != "" && !f.config:
		return nil, exitcode.Usagef("%s: --with compares what proxies are sent: add --config", c.CommandPath())
	}
	mesh, err := capture.Read(name)
	if err != nil {
		return nil, err
	}
	s, err := f.resolve(c.Context(), mesh, name)
	if err != nil {
		return nil, err
	}
	r := &rehearser{c: c, stack: s, mesh: mesh, other: mesh, kubernetes: cmp.Or(mesh.Index.Kubernetes, s.Cell.Kubernetes)}
	if f.with != "" {
		if r.other, err = capture.Read(f.with); err != nil {
			return nil, err
		}
	}
	if r.from, r.to, err = versionsOf(s); err != nil {
		return nil, err
	}
	if r.dir, err = os.MkdirTemp("", "istio-conformance-"); err != nil {
		return nil, exitcode.Environmentf("directory for the rehearsal: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.dir)) }()
	if err := r.fetchCharts(); err != nil {
		return nil, err
	}
	var report *finding.Report
	if f.static {
		report, err = static.Rehearse(c.Context(), static.Step{
			Mesh: mesh, Kubernetes: r.kubernetes, From: r.from, To: r.to, FromCharts: r.fromCharts, ToCharts: r.toCharts,
		})
	} else {
		report, err = r.config()
	}
	if err != nil && exitcode.Of(err) == exitcode.Environment {
		return nil, exitcode.Environmentf("%w", err)
	}
	return report, err
}

// rehearser has what a rehearsal needs.
type rehearser struct {
	c                    *cobra.Command
	stack                *stack.Builder
	mesh, other          *capture.Mesh
	from, to             istio.Version
	kubernetes, dir      string
	fromCharts, toCharts map[string]string
}

func (r *rehearser) fetchCharts() error {
	for _, version := range []struct {
		cell istio.Pair
		to   *map[string]string
	}{{r.stack.FromCell.Pair, &r.fromCharts}, {r.stack.Cell.Pair, &r.toCharts}} {
		var err error
		if *version.to, err = r.stack.Charts(r.c.Context(), version.cell, r.dir, logTo(r.c)); err != nil {
			return err
		}
	}
	return nil
}

// config compares what the proxies are sent.
func (r *rehearser) config() (*finding.Report, error) {
	if r.stack.Source() != istio.SourceModules {
		return nil, exitcode.Usagef("--config runs istiod and an API server as plain processes, which are built from Go modules: --images modules (IMAGES=%s has images only)", r.stack.Source())
	}
	w := newWorking(r.c.ErrOrStderr())
	ctx, stop := w.watch(r.c.Context())
	defer stop()
	source := modules.New(modules.Options{Root: r.stack.Root(), CacheDir: r.stack.CacheDir(), Logf: w.logf})
	run := &config.Rehearsal{
		From: config.Side{Mesh: r.mesh, Version: r.from, Charts: r.fromCharts}, To: config.Side{Mesh: r.other, Version: r.to, Charts: r.toCharts},
		Kubernetes: r.kubernetes, Dir: r.dir, Logf: w.logf,
	}
	var err error
	if run.From.Programs, err = source.Programs(ctx, r.stack.FromCell.Pair); err != nil {
		return nil, err
	}
	if run.To.Programs, err = source.Programs(ctx, r.stack.Cell.Pair); err != nil {
		return nil, err
	}
	if run.GatewayAPI, _, err = gatewaycrds.CRDs(ctx, r.stack.Root(), gatewaycrds.Standard); err != nil {
		return nil, err
	}
	return run.Run(ctx)
}

// resolve finds the full versions of both ends of the step.
func (f *rehearseFlags) resolve(ctx context.Context, mesh *capture.Mesh, name string) (*stack.Builder, error) {
	from := f.from
	if from == "" {
		switch len(mesh.Index.Istio) {
		case 0:
			return nil, exitcode.Usagef("capture %s: no version of Istio is in it; say which the mesh has: --from 1.30", name)
		case 1:
			from = mesh.Index.Istio[0]
		default:
			return nil, exitcode.Usagef("capture %s: it has control planes of Istio %s; say which is upgraded: --from %s", name, strings.Join(mesh.Index.Istio, " and "), mesh.Index.Istio[0])
		}
	}
	s, err := f.resolveFrom(ctx, from)
	if version, parseErr := istio.ParseVersion(from); err != nil && parseErr == nil && version.Full() && f.from == "" {
		// The source may have another patch: the nearest that there is, said.
		if nearest, minorErr := f.resolveFrom(ctx, version.MinorOf().String()); minorErr == nil {
			fmt.Fprintf(os.Stderr, "‼ the mesh has Istio %s, which is not to be had here: %s stands for it\n", from, nearest.FromCell.Istio)
			return nearest, nil
		}
	}
	return s, err
}

func (f *rehearseFlags) resolveFrom(ctx context.Context, from string) (*stack.Builder, error) {
	given := map[string]string{"UPGRADE": "1", "FORCE": "1", "FROM": from, "TO": f.to, "IMAGES": f.source, "CHARTS": f.chartsOf}
	flags := flag.NewFlagSet("rehearse", flag.ContinueOnError)
	o := options.Register(flags, func(variable string) string {
		if value, ok := given[variable]; ok {
			return value
		}
		if slices.Contains([]string{"ISTIO_CONFORMANCE_CACHE", "HOME", "XDG_CACHE_HOME"}, variable) {
			return os.Getenv(variable)
		}
		return "" // what is tested and how is said by the flags of this command alone
	})
	return resolve(ctx, o)
}

func versionsOf(s *stack.Builder) (from, to istio.Version, err error) {
	if from, err = istio.ParseVersion(s.FromCell.Istio); err != nil {
		return from, to, err
	}
	if to, err = istio.ParseVersion(s.Cell.Istio); err != nil {
		return from, to, err
	}
	if istio.Compare(to, from) < 0 {
		return from, to, exitcode.Usagef("--to %s is older than --from %s: a rehearsal goes forward; exchange the two to see what the way back changes", to, from)
	}
	return from, to, nil
}
