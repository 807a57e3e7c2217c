package load

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/images/generator"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/stripes"
	"istio-conformance/suites/kit"
)

// What the pods send between them.
const (
	jobRate     = 400 // requests per second
	jobTime     = 10 * time.Second
	jobWarmup   = time.Second
	jobClients  = 4
	connections = 8 // of all pods together
	// jobLead is how long the pods have to start: who is late makes the whole invalid.
	jobLead = 30 * time.Second
)

// distributed measures from several pods at once and puts the parts together.
func distributed(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "distributed",
		SkipIf:  s.OursAlone("loads an image into the nodes"),
		Promise: "several generators in pods send one schedule between them, and their parts are merged without loss",
		Timeout: 6 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			x := newTarget(ctx, t, s)
			dir, err := os.MkdirTemp(s.OutDir(), "generator-")
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Cleanup(func() { t.Expect(os.RemoveAll(dir)).To(gomega.Succeed()) })
			archive, image, err := generator.Archive(x.program, dir)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(s.Cluster.LoadImages(ctx, archive)).To(gomega.Succeed())
			single, nodes := x.job(ctx, t, image, 1)
			t.Observe("1 generator on %s: %s", strings.Join(nodes, ", "), single)
			many, nodes := x.job(ctx, t, image, jobClients)
			t.Observe("%d generators on %s: %s", jobClients, strings.Join(nodes, ", "), many)

			t.Diagnose("the merged measurement is not the whole schedule", "look at the logs of the Job's pods", "")
			planned := int64(jobRate * jobTime.Seconds())
			for _, r := range []*openloop.Result{single, many} {
				t.Expect(r.Counts.Planned).To(gomega.Equal(planned), "requests of the schedule")
				t.Expect(r.Counts.OK+r.Counts.Failed+r.Counts.Overflow).To(gomega.Equal(planned), "requests that are accounted for")
				t.Expect(r.Response.Count()).To(gomega.Equal(r.Counts.OK), "answers in the merged histogram")
			}
			t.Expect(many.Stripes).To(gomega.HaveLen(jobClients))
			t.RecordLoad(describeJob(many, nodes))
			t.Diagnose("requests from the pods to the gateway failed", "the message says how", "")
			t.Expect(lost(many)).To(gomega.BeZero(), "%s", openloop.DescribeErrors(many.Errors))
			if len(many.Invalid) > 0 {
				t.SkipUnmeasured(report.VerdictInvalid, many.Invalid...)
			}
		},
	}
}

// lost counts the requests that failed and not by the generator: a machine that is too
// busy to measure latency hides no failure. Answers that came too late are its doing then.
func lost(r *openloop.Result) int64 {
	n := r.Counts.Failed - r.Errors[openloop.ClassGenerator]
	if len(r.Invalid) > 0 {
		n -= r.Errors[openloop.ClassTimeout]
	}
	return n
}

// job runs a Job of count generators and returns what they measured together, and
// the nodes that they ran on.
func (x *target) job(ctx context.Context, t *check.T, image string, count int) (*openloop.Result, []string) {
	name := fmt.Sprintf("load-generator-%d-%s", count, rand.String(5))
	kit.Apply(ctx, t, x.stack, x.stack.Namespace, "apps/load-job.yaml", map[string]string{
		"Name": name, "Count": strconv.Itoa(count), "Image": image, "URL": x.through, "Host": x.host,
		"Start": strconv.FormatInt(time.Now().Add(jobLead).UnixNano(), 10), "Rate": strconv.Itoa(jobRate),
		"Duration": jobTime.String(), "Warmup": jobWarmup.String(), "Connections": strconv.Itoa(connections / count),
	})
	t.Diagnose("the Job of the load generators does not end", "look at its pods and events in the evidence", "")
	t.Eventually(ctx, func() (int32, error) {
		job := &batchv1.Job{}
		err := x.stack.Client.Get(ctx, client.ObjectKey{Namespace: x.stack.Namespace, Name: name}, job)
		return job.Status.Succeeded + job.Status.Failed, err
	}).WithTimeout(2*time.Minute).Should(gomega.BeNumerically(">=", count), "pods of Job %s that ended; %s", name, x.stack.DescribePods(ctx, x.stack.Namespace))
	logs, nodes, err := x.jobLogs(ctx, name)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	whole, err := stripes.Merge(logs, count, openloop.DefaultLimits())
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return whole, nodes
}

// jobLogs returns what each index of a Job printed, and the nodes.
func (x *target) jobLogs(ctx context.Context, name string) (map[int][]byte, []string, error) {
	var pods corev1.PodList
	if err := x.stack.Client.List(ctx, &pods, client.InNamespace(x.stack.Namespace), client.MatchingLabels{batchv1.JobNameLabel: name}); err != nil {
		return nil, nil, fmt.Errorf("list the pods of Job %s/%s: %w", x.stack.Namespace, name, err)
	}
	logs, nodes := map[int][]byte{}, map[string]bool{}
	for _, pod := range pods.Items {
		index, err := strconv.Atoi(pod.Annotations[batchv1.JobCompletionIndexAnnotation])
		if err != nil {
			return nil, nil, fmt.Errorf("index of pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		if logs[index], err = x.stack.Cluster.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx); err != nil {
			return nil, nil, fmt.Errorf("log of pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		nodes[pod.Spec.NodeName] = true
	}
	return logs, slices.Sorted(maps.Keys(nodes)), nil
}

// describeJob is the merged measurement as the report holds it.
func describeJob(r *openloop.Result, nodes []string) report.Load {
	l := report.Load{
		Name: "distributed", Kind: "merged", Verdict: report.VerdictPass, Rate: r.Rate, Rounds: 1, Connections: r.Connections,
		Requests: int(r.Counts.Planned), Errors: int(r.Counts.Failed), SendLagP99Micros: float64(r.OwnLag.Quantile(0.99).Nanoseconds()) / 1e3,
		Quantiles: []report.Quantile{}, Reasons: r.Invalid,
		Notes: []string{fmt.Sprintf("%d pods on %s sent one schedule between them; their histograms were merged", len(r.Stripes), strings.Join(nodes, ", "))},
	}
	switch {
	case lost(r) > 0:
		l.Verdict, l.Reasons = report.VerdictFail, []string{openloop.DescribeErrors(r.Errors)}
	case len(r.Invalid) > 0:
		l.Verdict = report.VerdictInvalid
	}
	return l
}
