package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/stripes"
)

// cgroupRoot is where the kernel shows the control groups.
const cgroupRoot = "/sys/fs/cgroup"

// share sets which part of the schedule is sent, and when it begins.
func (f *loadFlags) share(config *openloop.Config) error {
	if f.start != 0 {
		config.Start = time.Unix(0, f.start)
	}
	if f.stripe == "" {
		return nil
	}
	index, count, found := strings.Cut(f.stripe, "/")
	var errs [2]error
	config.Stripe.Index, errs[0] = strconv.Atoi(index)
	config.Stripe.Count, errs[1] = strconv.Atoi(count)
	if err := errors.Join(errs[:]...); err != nil || !found {
		return fmt.Errorf("--stripe %q is not of the form i/n", f.stripe)
	}
	return nil
}

// watched finds the control groups to watch.
func (f *loadFlags) watched() ([]*openloop.Cgroup, error) {
	var groups []*openloop.Cgroup
	for _, w := range f.watch {
		name, id, found := strings.Cut(w, "=")
		if !found || name == "" || id == "" {
			return nil, fmt.Errorf("--watch %q is not of the form name=id", w)
		}
		g, err := openloop.FindCgroup(cgroupRoot, name, id)
		if err != nil {
			return nil, fmt.Errorf("--watch: %w", err)
		}
		groups = append(groups, g)
	}
	return groups, nil
}

// part sends one stripe and prints what it measured. Whether that is a
// measurement is decided when all stripes are together.
func (j *loadJob) part(c *cobra.Command) error {
	result, err := openloop.Run(c.Context(), *j.config)
	j.live.end()
	switch {
	case errors.Is(err, openloop.ErrLate):
		return exitcode.Invalidf("stripe %s: %w", j.flags.stripe, err)
	case err != nil:
		return failure(err)
	}
	fmt.Fprintln(j.out, result)
	return stripes.Write(j.machine, result)
}
