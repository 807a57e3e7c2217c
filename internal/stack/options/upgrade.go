package options

import (
	"strconv"
	"time"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/stack"
)

// Upgrade is how an upgrade is made.
type Upgrade struct {
	// Budget is how many requests may fail in a journey.
	Budget int
	// Rate is that of all traffic together, in requests per second.
	Rate float64
	// Repeat is how often each journey is made.
	Repeat int
	// Values are the layers of Helm values to try: recommended, charts or both.
	Values []string
	// Soak is how long nothing changes before, between and after the legs.
	Soak time.Duration
}

// upgradeFlags are Upgrade's as they were given.
type upgradeFlags struct {
	on                             bool
	to, budget, rate, values, soak string
}

// registerUpgrade defines the flags of an upgrade.
func (o *Options) registerUpgrade() {
	u := &o.upgrade
	o.truth(&u.on, "upgrade", "UPGRADE", "upgrade Istio from one version to another under traffic, instead of the checks; -repeat says how often")
	o.text(&o.From, "from", "FROM", "", "version of Istio that an upgrade begins with; default: the minor before")
	o.text(&u.to, "to", "TO", "", "version of Istio that an upgrade leads to; default: that of -istio")
	o.text(&o.ArchiveFrom, "archive-from", "ARCHIVE_FROM", "", "file that source archive reads the version FROM from")
	o.text(&u.budget, "budget", "BUDGET", "0", "how many requests may fail in an upgrade")
	o.text(&u.rate, "rate", "RATE", "300", "requests per second during an upgrade, all kinds of traffic together")
	o.text(&u.values, "values", "VALUES", stack.RecommendedValues, "Helm values of an upgrade: recommended, charts (their defaults) or both")
	o.text(&u.soak, "soak", "SOAK", "10s", "how long nothing changes before, between and after the legs of an upgrade")
}

// completeUpgrade reads the flags of an upgrade, if there is one.
func (o *Options) completeUpgrade() error {
	if !o.upgrade.on {
		o.From = ""
		return nil
	}
	if o.Kubeconfig != "" {
		return exitcode.Usagef("an upgrade is made on a cluster of its own: leave CLUSTER=existing out")
	}
	if o.upgrade.to != "" {
		o.Istio = o.upgrade.to
	}
	u := &Upgrade{}
	var err error
	if u.Budget, err = strconv.Atoi(o.upgrade.budget); err != nil || u.Budget < 0 {
		return exitcode.Usagef("BUDGET=%s: want a number of requests, 0 or more", o.upgrade.budget)
	}
	if u.Rate, err = strconv.ParseFloat(o.upgrade.rate, 64); err != nil || u.Rate < 20 || u.Rate > 5000 {
		return exitcode.Usagef("RATE=%s: want requests per second, 20 to 5000", o.upgrade.rate)
	}
	if u.Soak, err = time.ParseDuration(o.upgrade.soak); err != nil || u.Soak < 3*time.Second {
		return exitcode.Usagef("SOAK=%s: want a duration of at least 3s", o.upgrade.soak)
	}
	switch o.upgrade.values {
	case stack.RecommendedValues, stack.ChartsValues:
		u.Values = []string{o.upgrade.values}
	case "both":
		u.Values = []string{stack.RecommendedValues, stack.ChartsValues}
	default:
		return exitcode.Usagef("VALUES=%s: want %s, %s or both", o.upgrade.values, stack.RecommendedValues, stack.ChartsValues)
	}
	// A journey is repeated as a whole, with an entry in the report for each.
	u.Repeat, o.Policy.Repeat = o.Policy.Repeat, 1
	o.Upgrade = u
	return o.defaultFrom()
}

// defaultFrom takes the minor before the version that the upgrade leads to.
func (o *Options) defaultFrom() error {
	if o.From != "" {
		return nil
	}
	table, err := istio.Load()
	if err != nil {
		return err
	}
	to := table.Default.Istio
	if o.Istio != "" {
		if to, err = istio.ParseVersion(o.Istio); err != nil {
			return exitcode.Usagef("TO: %w", err)
		}
	}
	o.From = istio.Version{Major: to.Major, Minor: to.Minor - 1, Patch: -1}.String()
	return nil
}
