// Package evidence collects what explains a failure: objects, events, logs, the
// proxies' and istiod's own account, Helm's releases and what the nodes say. It
// writes one folder with an index, bounded in size and free of secrets, which
// package diagnose reads and which travels as an archive.
package evidence

import (
	"context"
	"fmt"
	"sync"
	"time"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/mesh/charts"
)

// parallel is how many things are asked for at the same time.
const parallel = 8

// logLookBack is how far before a failure's beginning logs start: the cause is
// often earlier than the check that finds it.
const logLookBack = 2 * time.Minute

// Collector knows where to look. It only reads.
type Collector struct {
	// Clients talk to the cluster.
	Clients *cluster.Clients
	// Namespaces are looked at whole, besides those in which Istio, its proxies or
	// its configuration are found.
	Namespaces []string
	// Only says that no other namespaces are looked at.
	Only bool
	// Helm reads the releases; nil leaves them out.
	Helm *charts.Client
	// Nodes are entered by Exec, which runs a script as root on one of them; none
	// are where they are not ours.
	Nodes []string
	Exec  func(ctx context.Context, node, script string) (string, error)
	// NoExec leaves out what needs the right to run a command in a pod: what the
	// proxies and istiod say of themselves.
	NoExec bool
	// Said is what a tool or a check said of the failure, and Requests the check's
	// requests with their responses; empty leaves no file.
	Said, Requests string
}

// job is one piece of work that writes some files.
type job struct {
	// path is what is missing when the job fails.
	path string
	run  func(ctx context.Context, w *Writer) error
}

// Collect writes the evidence of a failure since a time into dir and returns the
// paths of the files, the index first. What could not be had is listed in the
// index with its reason: a failure often takes a source of evidence with it.
func (c *Collector) Collect(ctx context.Context, dir string, since time.Time) []string {
	w := NewWriter(dir)
	c.Fill(ctx, w, since)
	paths, err := w.Close()
	if err != nil {
		return append(paths, fmt.Sprintf("incomplete: %v", err))
	}
	return paths
}

// OnlySaid writes a folder of evidence that holds the output of a tool and nothing
// of a cluster, for the reason given, and returns the paths of its files.
func OnlySaid(dir, said string, reason error) ([]string, error) {
	w := NewWriter(dir)
	w.About(time.Now())
	w.Add("said.txt", "the output of a tool", []byte(said))
	w.Missing("namespaces", fmt.Errorf("no cluster was looked at: %w", reason))
	return w.Close()
}

// Fill writes the evidence with w, which the caller closes.
func (c *Collector) Fill(ctx context.Context, w *Writer, since time.Time) {
	w.About(since.Add(-logLookBack))
	w.index.Only = c.Only
	w.Add("said.txt", "what was said of the failure", []byte(c.Said))
	w.Add("requests.txt", "the requests that were made, with their responses", []byte(c.Requests))
	scope, err := c.discover(ctx, w)
	if err != nil {
		w.Missing("namespaces", err)
	}
	jobs := append(c.clusterJobs(scope), c.nodeJobs()...)
	for _, namespace := range scope.namespaces {
		jobs = append(jobs, c.namespaceJobs(scope, namespace)...)
	}
	jobs = append(jobs, c.helmJob(scope))
	jobs = append(jobs, c.logJobs(scope, since.Add(-logLookBack))...)
	jobs = append(jobs, c.proxyJobs(scope)...)
	run(ctx, w, jobs)
}

// run works off the jobs, several at a time.
func run(ctx context.Context, w *Writer, jobs []job) {
	slots := make(chan struct{}, parallel)
	var wait sync.WaitGroup
	for _, j := range jobs {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := context.Cause(ctx); err != nil {
				w.Missing(j.path, err)
				return
			}
			if err := j.run(ctx, w); err != nil {
				w.Missing(j.path, err)
			}
		})
	}
	wait.Wait()
}
