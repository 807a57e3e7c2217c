package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/process/progress"
)

// judgeKept names what of a kept cluster is not as this run installs it, so that
// nobody takes a cluster that was put right for one that was right.
func (b *Builder) judgeKept(ctx context.Context, logf progress.Logf) error {
	if !b.kept {
		return nil
	}
	differences, err := b.differences(ctx)
	if err != nil {
		return fmt.Errorf("look at the kept cluster: %w", err)
	}
	then := "put right"
	if b.config.SkipInstall {
		then = "left so: INSTALL=skip"
	}
	for _, d := range differences {
		b.keptNotes = append(b.keptNotes, fmt.Sprintf("the kept cluster was not as it is installed: %s (%s)", d, then))
		logf("found in the kept cluster, and %s: %s", then, d)
	}
	return nil
}

// differences are what install would change.
func (b *Builder) differences(ctx context.Context) ([]string, error) {
	var all []string
	for name, labels := range b.namespaces() {
		lines, err := b.namespaceDifferences(ctx, name, labels)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	slices.Sort(all)
	for _, r := range b.Releases {
		lines, err := b.Helm.Differences(ctx, r)
		if err != nil {
			return nil, err
		}
		all = append(all, lines...)
	}
	helms, err := b.otherHelm(ctx)
	if err != nil {
		return nil, err
	}
	all = append(all, helms...)
	others, err := b.others(ctx)
	for _, r := range others {
		all = append(all, fmt.Sprintf("release %s is not of this installation", r))
	}
	return all, err
}

// namespaceDifferences are a namespace that is missing, and labels that it lacks.
func (b *Builder) namespaceDifferences(ctx context.Context, name string, labels map[string]string) ([]string, error) {
	ns := &corev1.Namespace{}
	err := b.Client.Get(ctx, client.ObjectKey{Name: name}, ns)
	if apierrors.IsNotFound(err) {
		return []string{fmt.Sprintf("Namespace %s is missing", name)}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get Namespace %s: %w", name, err)
	}
	var lines []string
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if have, found := ns.Labels[label]; !found || have != labels[label] {
			lines = append(lines, fmt.Sprintf("label %s of Namespace %s is %q, not %q", label, name, have, labels[label]))
		}
	}
	return lines, nil
}
