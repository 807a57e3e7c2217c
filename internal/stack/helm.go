package stack

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v3/pkg/storage/driver"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// The major versions of Helm that can install Istio.
const (
	Helm3 = "3"
	Helm4 = "4"
)

// checkHelm refuses a Helm that there is none of, and one that would not be used.
func (c Config) checkHelm() error {
	switch {
	case c.Helm != "" && c.Helm != Helm3 && c.Helm != Helm4:
		return exitcode.Usagef("HELM=%s: want 3 or 4, the major version of Helm by whose library Istio is installed", c.Helm)
	case c.Helm == Helm4 && c.Kubeconfig != "":
		return exitcode.Usagef("HELM=4 CLUSTER=existing: nothing is installed into an existing cluster, by no Helm; leave HELM out")
	}
	return nil
}

// helm returns the client that changes releases by the Helm that is asked for.
func (s *Stack) helm() (*charts.Client, error) {
	kubeContext := ""
	if s.Existing() {
		kubeContext = s.config.Context
	}
	client, err := charts.NewClient(s.Cluster.Kubeconfig, kubeContext, progress.Discard)
	if err != nil {
		return nil, err
	}
	return client.By(s.config.MakeHelm), nil
}

// mustReadReleases refuses a kept cluster in which Helm's own record of a release is broken:
// Helm would take no notice of it, and fail later for another reason.
func (b *Builder) mustReadReleases(ctx context.Context) error {
	if !b.kept {
		return nil
	}
	client, err := b.helm()
	if err != nil {
		return err
	}
	broken, err := client.Unreadable(ctx)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return exitcode.Environmentf("%s; delete that Secret, and the revision before it is the last one, or have a new cluster made: make clean", broken[0])
	}
	return nil
}

// otherHelm names the releases of a kept cluster that another Helm applied. An upgrade
// would leave them as they are: Helm 4 goes by what the revision before was.
func (b *Builder) otherHelm(ctx context.Context) ([]string, error) {
	var lines []string
	for _, r := range b.Releases {
		server, err := b.Helm.ServerSide(ctx, r.Namespace, r.Name)
		if errors.Is(err, driver.ErrReleaseNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if server != (b.config.Helm == Helm4) {
			lines = append(lines, fmt.Sprintf("release %s was applied by %s", r, map[bool]string{false: "the client, as Helm 3 does", true: "the API server, as Helm 4 does"}[server]))
		}
	}
	return lines, nil
}

// removeOtherHelms uninstalls what another Helm installed in a kept cluster.
func (b *Builder) removeOtherHelms(ctx context.Context, logf progress.Logf) error {
	if !b.kept {
		return nil
	}
	lines, err := b.otherHelm(ctx)
	if err != nil || len(lines) == 0 {
		return err
	}
	logf("%s: the releases are removed and installed by Helm %s", lines[0], b.Helm.Version())
	return b.Uninstall(ctx)
}
