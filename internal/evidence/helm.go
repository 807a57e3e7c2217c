package evidence

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/release"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/mesh/charts"
)

// Release is what is kept of a Helm release: its values and what became of each
// revision.
type Release struct {
	Name      string         `json:"name"`
	Namespace string         `json:"namespace"`
	Values    map[string]any `json:"values,omitempty"`
	// Hub is where its images come from, also where only the chart says so.
	Hub string `json:"hub,omitempty"`
	// Revisions are in their order, the last one is the current one.
	Revisions []Revision `json:"revisions"`
}

// Revision is one revision of a release.
type Revision struct {
	Revision    int       `json:"revision"`
	Chart       string    `json:"chart"`
	Version     string    `json:"version"`
	Status      string    `json:"status"`
	Deployed    time.Time `json:"deployed"`
	Description string    `json:"description"`
}

// helmJob writes the releases of the namespaces that are looked at.
func (c *Collector) helmJob(s *scope) job {
	return job{"helm", func(ctx context.Context, w *Writer) error {
		if c.Helm == nil {
			return errors.New("the releases of Helm are not asked for")
		}
		var errs []error
		for _, namespace := range s.namespaces {
			releases, err := c.Helm.List(ctx, namespace)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			for _, last := range releases {
				errs = append(errs, c.writeRelease(ctx, w, last))
			}
		}
		return errors.Join(errs...)
	}}
}

func (c *Collector) writeRelease(ctx context.Context, w *Writer, last *release.Release) error {
	history, err := c.Helm.History(ctx, last.Namespace, last.Name)
	if err != nil {
		return err
	}
	kept := Release{Name: last.Name, Namespace: last.Namespace, Values: last.Config, Hub: charts.Hub(last)}
	for _, r := range history {
		revision := Revision{Revision: r.Version}
		if r.Info != nil {
			revision.Status, revision.Deployed, revision.Description = r.Info.Status.String(), r.Info.LastDeployed.Time.UTC(), r.Info.Description
		}
		if r.Chart != nil && r.Chart.Metadata != nil {
			revision.Chart, revision.Version = r.Chart.Metadata.Name, r.Chart.Metadata.Version
		}
		kept.Revisions = append(kept.Revisions, revision)
	}
	content, err := yaml.Marshal(kept)
	if err != nil {
		return fmt.Errorf("release %s/%s: %w", last.Namespace, last.Name, err)
	}
	w.Add(path.Join("helm", last.Namespace, last.Name+".yaml"), "history and values of release "+last.Namespace+"/"+last.Name, content)
	return nil
}

func (c *Collector) nodeNames(ctx context.Context) ([]string, error) {
	list, err := c.Clients.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Nodes: %w", err)
	}
	var names []string
	for _, node := range list.Items {
		names = append(names, node.Name)
	}
	slices.Sort(names)
	return names[:min(len(names), namespaceLimit)], nil
}
