package main

import (
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// doctorOf names what in an existing cluster comes from a place that ends. It only
// reads.
func doctorOf(c *cobra.Command, look *lookFlags) error {
	table, err := istio.Load()
	if err != nil {
		return err
	}
	kubeconfig, err := look.file()
	if err != nil {
		return err
	}
	found, err := cluster.Existing(c.Context(), kubeconfig, look.context)
	if err != nil {
		return err
	}
	helm, err := charts.NewClient(kubeconfig, look.context, progress.Discard)
	if err != nil {
		return exitcode.Environmentf("%w", err)
	}
	releases, err := helm.List(c.Context(), "")
	if err != nil {
		return exitcode.Environmentf("%w", err)
	}
	reader, err := client.New(found.Config, client.Options{})
	if err != nil {
		return exitcode.Environmentf("cluster %s: %w", found.Name, err)
	}
	var pods corev1.PodList
	if err := reader.List(c.Context(), &pods); err != nil {
		return exitcode.Environmentf("list the pods of cluster %s: %w", found.Name, err)
	}
	ends := append(endingReleases(table, releases), endingImages(table, pods.Items)...)
	for _, line := range ends {
		fmt.Fprintf(c.OutOrStdout(), " ‼ %s\n", line)
	}
	if len(ends) == 0 {
		fmt.Fprintf(c.OutOrStdout(), " ✓ cluster %s: none of %d releases and %d pods takes an image from a place that ends\n", found.Name, len(releases), len(pods.Items))
	}
	return nil
}

// endingReleases are lines on releases whose images come from a place that ends.
func endingReleases(table *istio.Table, releases []*release.Release) []string {
	var lines []string
	for _, r := range releases {
		if ends := table.Ends(charts.Hub(r)); ends != nil {
			lines = append(lines, fmt.Sprintf("release %s/%s, chart %s %s: global.hub is %s: %s", r.Namespace, r.Name, r.Chart.Metadata.Name, r.Chart.Metadata.Version, charts.Hub(r), ends))
		}
	}
	return lines
}

// endingImages are lines on images from a place that ends, each with the pods that
// run it.
func endingImages(table *istio.Table, pods []corev1.Pod) []string {
	runs := map[string][]string{}
	for i := range pods {
		p := &pods[i]
		images := map[string]bool{}
		for _, container := range slices.Concat(p.Spec.InitContainers, p.Spec.Containers) {
			images[container.Image] = table.Ends(container.Image) != nil
		}
		for image, ends := range images {
			if ends {
				runs[image] = append(runs[image], p.Namespace+"/"+p.Name)
			}
		}
	}
	var lines []string
	for _, image := range slices.Sorted(maps.Keys(runs)) {
		in := runs[image]
		who := "pod " + in[0]
		if len(in) > 1 {
			who = fmt.Sprintf("%d pods, %s among them,", len(in), in[0])
		}
		lines = append(lines, fmt.Sprintf("%s: run by %s: %s", image, who, table.Ends(image)))
	}
	return lines
}
