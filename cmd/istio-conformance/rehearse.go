package main

import (
	"cmp"
	"errors"
	"os"

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
)

// rehearseFlags say which upgrade is rehearsed, and how.
type rehearseFlags struct {
	static, config, traffic    bool
	json                       bool
	from, to, source, chartsOf string
	// with is a second capture: what the mesh is to be after the step.
	with string
	// accepted is a file of accepted differences, out the folder for the report's files.
	accepted, out string

	taken []*finding.Accepted
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
  --traffic in some minutes, on a kind cluster: Istio is installed as captured, with a stand-in
            for each kind of pod, and upgraded under traffic; how both versions answer
            requests that are made from the routes and policies is compared
  --config  in a minute or two, without a cluster and without traffic: istiod of both versions
            and an API server run as plain processes of this machine with the captured objects,
            and the configuration that each kind of proxy is sent is compared
With --with, what is compared is two captures: FROM with the first, TO with the second. The
versions may be the same: what does this change of configuration do?
Exit status: 0 nothing breaks, 1 something breaks or differs, 2 bad flags or a capture that
cannot be read, 3 the charts could not be had, or no cluster be made.`,
		Example: `  istio-conformance rehearse --static mesh.tar.gz --to 1.31
  istio-conformance rehearse --static mesh/ --from 1.30 --to 1.31 --json
  istio-conformance rehearse --config mesh.tar.gz --to 1.31 --images modules
  istio-conformance rehearse --traffic mesh.tar.gz --to 1.31
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
	c.Flags().BoolVar(&f.traffic, "traffic", false, "upgrade the mesh on a cluster of its own, and compare answers")
	c.Flags().StringVar(&f.with, "with", "", "with --config and --traffic: the capture to go to, if the mesh changes too")
	c.Flags().StringVar(&f.accepted, "accepted", os.Getenv("ACCEPTED"), "file of differences that are accepted until a day ($ACCEPTED)")
	c.Flags().StringVar(&f.out, "report", os.Getenv("REPORT"), "folder for junit.xml, report.html, rehearsal.json and comment.md ($REPORT)")
	c.Flags().BoolVar(&f.json, "json", false, "write JSON")
	c.Flags().StringVar(&f.to, "to", os.Getenv("TO"), "version of Istio to go to ($TO)")
	c.Flags().StringVar(&f.from, "from", os.Getenv("FROM"), "version of Istio that the mesh has; default: the one in the capture ($FROM)")
	c.Flags().StringVar(&f.source, "images", os.Getenv("IMAGES"), "where the charts come from: release or modules; default: release if a registry answers ($IMAGES)")
	c.Flags().StringVar(&f.chartsOf, "charts", os.Getenv("CHARTS"), "chart repository, registry or folder for source release ($CHARTS)")
	return c
}

// levels counts how closely to look.
func (f *rehearseFlags) levels() int {
	n := 0
	for _, chosen := range []bool{f.static, f.config, f.traffic} {
		if chosen {
			n++
		}
	}
	return n
}

func (f *rehearseFlags) run(c *cobra.Command, name string) (_ *finding.Report, err error) {
	switch {
	case f.levels() != 1:
		return nil, exitcode.Usagef("%s: say how closely to look: --static, --config or --traffic", c.CommandPath())
	case f.to == "":
		return nil, exitcode.Usagef("%s: say to which version: --to 1.31", c.CommandPath())
	case f.with != "" && f.static:
		return nil, exitcode.Usagef("%s: --with compares what proxies are sent, or how they answer: use --config or --traffic", c.CommandPath())
	}
	if f.accepted != "" {
		if f.taken, err = finding.ReadAccepted(f.accepted); err != nil {
			return nil, err
		}
	}
	mesh, err := capture.Read(name)
	if err != nil {
		return nil, err
	}
	if f.traffic {
		return f.rehearseTraffic(c, mesh, name)
	}
	s, err := f.resolve(c.Context(), mesh, name, f.resolveFrom)
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
	if err != nil || f.out == "" {
		f.accept(report)
		return report, err
	}
	recorder, err := f.recorder(f.out, s.Root(), nil)
	if err != nil {
		return nil, err
	}
	err = f.record(recorder, report)
	_, finishErr := recorder.Finish()
	return report, errors.Join(err, finishErr)
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
