// Package options is how the user says what to test: by flags, each with an
// environment variable as its default. The test binary and the command share it.
package options

import (
	"cmp"
	"flag"
	"path/filepath"
	"strconv"
	"time"

	"istio-conformance/internal/check"
	"istio-conformance/internal/images/release"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/project"
	"istio-conformance/internal/stack"
)

// Options are the flags of a run.
type Options struct {
	stack.Config
	// Run selects checks: suite, suite/check or suite:feature, separated by commas.
	Run string
	// Select narrows Run by an expression; see check.Selection.Narrow.
	Select string
	// Policy says how often a check runs.
	Policy check.Policy
	// FlakeBudget is how many checks may be flaky before the run fails.
	FlakeBudget int
	// Parallel is how many checks run at the same time at most.
	Parallel int
	// List shows all checks, DryRun what would be done; neither touches anything.
	List, DryRun bool
	// Format is text or json, for List.
	Format string
	// Mutate proves that the checks can fail, instead of running them.
	Mutate bool
	// Exam plays the corpus of public bug reports, instead of the checks.
	Exam bool
	// GatewayAPI runs the Gateway API's own conformance suite instead of the checks, with
	// the profiles of GatewayProfiles, separated by commas.
	GatewayAPI      bool
	GatewayProfiles string
	// Outage says which outages are added to the checks.
	Outage Outages
	// Soak is how long a mesh is to work under small traffic; 0 leaves that out.
	Soak time.Duration
	// Shard is the part of what breaks the system that this run takes.
	Shard check.Shard
	// Resume is the report.json of a run that was stopped; what passed there is not made
	// again. Empty makes all.
	Resume string
	// Upgrade makes an upgrade under traffic, instead of the checks.
	Upgrade *Upgrade

	// Load is how much latency is measured: short or full.
	Load string
	// Require is what must be judged, or the run is invalid: RequireLatency or RequireNone.
	Require string
	// Baseline is the report.json of an earlier run to compare with; empty is none.
	Baseline string

	config, cluster, install, keep, kubeconfig, shard string
	outages, hours, minutes                           string
	upgrade                                           upgradeFlags
	getenv                                            func(string) string
	flags                                             *flag.FlagSet
	settings                                          []setting
	again                                             []string
}

// setting is an option as a configuration file may name it.
type setting struct {
	flag, variable string
	kind           kind
	// fallback is the default, as the flag's value prints it.
	fallback string
}

// kind is what values a setting has.
type kind string

const (
	text   kind = "string"
	number kind = "integer"
	truth  kind = "boolean"
	// choice is a switch that the command line takes as 0 or 1.
	choice kind = "switch"
	// times are durations by name.
	times kind = "object"
)

// Register defines the flags on flags; getenv gives their defaults.
func Register(flags *flag.FlagSet, getenv func(string) string) *Options {
	o := &Options{kubeconfig: getenv("KUBECONFIG"), getenv: getenv, flags: flags}
	o.what()
	o.how()
	return o
}

// what registers what is tested.
func (o *Options) what() {
	o.text(&o.config, "config", "CONFIG", "", "file that holds options, in YAML; flags and variables go before it")
	o.text(&o.Istio, "istio", "ISTIO", "", "Istio's version, such as 1.31; default: the newest that the source has")
	o.text(&o.Kubernetes, "kubernetes", "KUBERNETES", "", "Kubernetes' version, such as 1.36")
	o.text(&o.Images, "images", "IMAGES", "", "source of images and charts: release, modules or archive; default: release if a registry answers, else modules")
	o.text(&o.Profile, "profile", "PROFILE", stack.ProfileDefault, "how Istio is installed: default, cni or ambient")
	o.text(&o.Helm, "helm", "HELM", stack.Helm3, "major version of Helm by whose library Istio is installed, upgraded and removed: 3 or 4")
	o.text(&o.Archive, "archive", "ARCHIVE", "", "file that source archive reads")
	o.text(&o.Hub, "hub", "HUB", "", "registry of Istio's images for source release")
	o.text(&o.Charts, "charts", "CHARTS", "", "where the charts of source release come from: a chart repository (https://...), a registry (oci://...) or a folder")
	o.text(&o.NodeImage, "node-image", "NODE_IMAGE", "", "node image for source release; its tag says which Kubernetes it is")
	o.text(&o.Trust.Verify, "verify", "VERIFY", release.VerifyIfThere, "signatures of what source release fetches: if-there, required or off")
	o.text(&o.Trust.Key, "verify-key", "VERIFY_KEY", "", "public key of Istio's images, a file or a URL; default: the one that Istio's project publishes for the version")
	o.text(&o.Trust.Keyring, "verify-keyring", "VERIFY_KEYRING", "", "PGP keyring for the provenance of charts; default: none is checked")
	o.text(&o.Ztunnel, "ztunnel", "ZTUNNEL", "", "file with an image of ztunnel, as docker save writes it, for PROFILE=ambient with a source that has none")
	o.text(&o.KindConfig, "kind-config", "KIND_CONFIG", "", "configuration of the cluster; default: kind-config.yaml of the checkout")
	o.text(&o.Installation, "installation", "INSTALLATION", "", "file or folder with the releases to install: a list, Argo CD's Applications or Flux' HelmReleases; default: the harness's own")
	o.text(&o.Name, "name", "NAME", stack.DefaultName, "name of the cluster")
	o.text(&o.cluster, "cluster", "CLUSTER", "kind", "kind makes a cluster; existing takes the one of KUBECONFIG, or the one that this runs in")
	o.text(&o.install, "install", "INSTALL", "", "helm installs Istio, and puts right what a kept cluster has; skip takes the Istio of an existing or kept cluster as it is")
	o.text(&o.Context, "context", "CONTEXT", "", "context in KUBECONFIG for an existing cluster")
	o.registerExisting()
	o.text(&o.keep, "keep", "KEEP", "0", "1 keeps the cluster for the next run")
	o.settings[len(o.settings)-1].kind = choice
	o.text(&o.OutDir, "out", "OUT", "", "directory of the reports; default: out in the checkout")
	o.text(&o.Baseline, "baseline", "BASELINE", "", "report.json of an earlier run to compare with")
	o.truth(&o.Force, "force", "FORCE", "allow a pair of versions outside Istio's support table")
	o.truth(&o.Mutate, "mutate", "MUTATE", "break the system on purpose and assert that exactly the right checks fail")
	o.truth(&o.Exam, "exam", "EXAM", "play public bug reports on the cluster and score whether diagnose names their cause")
	o.text(&o.Resume, "resume", "RESUME", "", "with -mutate or -exam: report.json of a run that was stopped; what passed there is not made again")
	o.registerLong()
	o.registerGatewayAPI()
	o.text(&o.shard, "shard", "SHARD", "", "with -mutate: which part of the breaks, such as 1/4, so that four machines share them")
	o.registerUpgrade()
}

// how registers which checks run, and how.
func (o *Options) how() {
	o.text(&o.Load, "load", "LOAD", "short", "how much latency is measured: short, about a minute, or full, with the curve over the rates")
	o.registerRequire()
	o.text(&o.Run, "run", "RUN", "", "suite, suite/check or suite:feature, separated by commas")
	o.text(&o.Select, "select", "SELECT", "", "narrow by suite, feature, name, id or promise, such as suite=ingress,feature!=tls,name~^re; a semicolon means or")
	o.truth(&o.List, "list", "LIST", "show every check with its promise, and run none; needs no cluster")
	o.text(&o.Format, "format", "FORMAT", "text", "text or json, for -list")
	o.truth(&o.DryRun, "dry-run", "DRY_RUN", "say what would be run, on what, and touch nothing")
	o.number(&o.Parallel, "parallel", "PARALLEL", check.DefaultParallel, "how many checks run at the same time at most")
	o.number(&o.Policy.Repeat, "repeat", "REPEAT", 1, "run each check so many times; it passes when it passes each time")
	o.number(&o.Policy.Retries, "retry", "RETRY", 0, "try a failed check again so many times; one that passes then is flaky, which is not passed")
	o.number(&o.FlakeBudget, "flake-budget", "FLAKE_BUDGET", 1, "with -retry: how many checks may be flaky before the run fails")
	o.truth(&o.Policy.FailFast, "fail-fast", "FAIL_FAST", "skip what comes after the first failure")
	o.flags.Var(&o.Waits, "timeout", "name=duration for a wait, separated by commas: nodes, chart, check, assertion, evidence, clean-up, or suite/check ($TIMEOUT)")
	o.settings = append(o.settings, setting{"timeout", "TIMEOUT", times, ""})
}

func (o *Options) text(target *string, name, variable, fallback, usage string) {
	o.flags.StringVar(target, name, cmp.Or(o.getenv(variable), fallback), usage+" ($"+variable+")")
	o.settings = append(o.settings, setting{name, variable, text, fallback})
}

func (o *Options) truth(target *bool, name, variable, usage string) {
	o.flags.BoolVar(target, name, o.getenv(variable) == "1", usage+" ($"+variable+"=1)")
	o.settings = append(o.settings, setting{name, variable, truth, "false"})
}

// number takes a whole number; what the variable holds is read by Complete, which
// can refuse it.
func (o *Options) number(target *int, name, variable string, fallback int, usage string) {
	o.flags.IntVar(target, name, fallback, usage+" ($"+variable+")")
	o.settings = append(o.settings, setting{name, variable, number, strconv.Itoa(fallback)})
}

// Complete fills in what was left out, and refuses what makes no sense with
// status exitcode.Usage.
func (o *Options) Complete() error {
	if err := o.fromElsewhere(); err != nil {
		return err
	}
	o.rememberSubject()
	if err := o.refuseMaking(); err != nil {
		return err
	}
	var err error
	if o.Root, err = project.Root(); err != nil && (o.cluster == "kind" || o.OutDir == "") {
		return exitcode.Usagef("%w", err)
	}
	if o.CacheDir, err = project.CacheDir(o.getenv); err != nil {
		return exitcode.Environmentf("%w", err)
	}
	if o.Engine, err = engine.ReadChoice(o.getenv); err != nil {
		return err
	}
	if o.KindConfig == "" {
		o.KindConfig = filepath.Join(o.Root, "kind-config.yaml")
	}
	if o.OutDir == "" {
		o.OutDir = filepath.Join(o.Root, "out")
	}
	switch o.keep {
	case "0", "1":
		o.Keep = o.keep == "1"
	default:
		return exitcode.Usagef("KEEP=%s: want 1 to keep the cluster, or 0", o.keep)
	}
	if o.Load != "short" && o.Load != "full" {
		return exitcode.Usagef("LOAD=%s: want short or full", o.Load)
	}
	switch o.cluster {
	case "kind":
	case "existing":
		if o.Kubeconfig = cmp.Or(o.kubeconfig, o.inCluster()); o.Kubeconfig == "" {
			return exitcode.Usagef("CLUSTER=existing: name the cluster's kubeconfig: KUBECONFIG=<path>")
		}
	default:
		return exitcode.Usagef("CLUSTER=%s: want kind or existing", o.cluster)
	}
	if o.Format != "text" && o.Format != "json" {
		return exitcode.Usagef("FORMAT=%s: want text or json", o.Format)
	}
	for _, n := range []struct {
		name         string
		value, least int
	}{{"PARALLEL", o.Parallel, 1}, {"REPEAT", o.Policy.Repeat, 1}, {"RETRY", o.Policy.Retries, 0}, {"FLAKE_BUDGET", o.FlakeBudget, 0}} {
		if n.value < n.least {
			return exitcode.Usagef("%s=%d: want at least %d", n.name, n.value, n.least)
		}
	}
	if o.Policy.Repeat > 1 && o.Policy.Retries > 0 {
		return exitcode.Usagef("REPEAT=%d and RETRY=%d: a repeated check must pass each time, so it is not tried again", o.Policy.Repeat, o.Policy.Retries)
	}
	for _, complete := range []func() error{o.checkInstall, o.checkExisting, o.completeUpgrade, o.completeLong, o.completeGatewayAPI, o.completeRequire, o.completeShard, o.Validate} {
		if err := complete(); err != nil {
			return err
		}
	}
	return nil
}

// completeShard reads which part of the breaks is made.
func (o *Options) completeShard() error {
	if o.shard != "" && (!o.Mutate || o.Upgrade != nil) {
		return exitcode.Usagef("SHARD=%s: only what breaks the system is divided: add MUTATE=1, without UPGRADE, or leave SHARD out", o.shard)
	}
	if o.Resume != "" && !o.Mutate && !o.Exam {
		return exitcode.Usagef("RESUME=%s: only what breaks the system, or the exam, is resumed: add MUTATE=1 or EXAM=1, or leave RESUME out", o.Resume)
	}
	var err error
	o.Shard, err = check.ParseShard(o.shard)
	return err
}

// checkInstall refuses to install into a cluster that is not the harness's own,
// and to leave one of its own without Istio.
func (o *Options) checkInstall() error {
	switch {
	case o.install != "" && o.install != "helm" && o.install != "skip":
		return exitcode.Usagef("INSTALL=%s: want helm or skip", o.install)
	case o.install == "helm" && o.cluster == "existing":
		return exitcode.Usagef("INSTALL=helm CLUSTER=existing: nothing is installed into an existing cluster; leave INSTALL out, or leave CLUSTER out and have one made")
	case o.install == "skip" && o.cluster == "kind" && !o.Keep:
		return exitcode.Usagef("INSTALL=skip CLUSTER=kind: a cluster that is made here has no Istio yet; take one that an earlier run kept: KEEP=1, or an existing one: CLUSTER=existing KUBECONFIG=<path>")
	}
	o.SkipInstall = o.install == "skip" && o.cluster == "kind"
	if o.SkipInstall && o.upgrade.on {
		return exitcode.Usagef("INSTALL=skip UPGRADE=1: an upgrade installs the version that it begins with; leave INSTALL out")
	}
	return nil
}
