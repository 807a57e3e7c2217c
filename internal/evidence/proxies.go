package evidence

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// adminFiles are what an Envoy says of itself: a file for each request to its
// admin interface.
var adminFiles = []struct{ file, request, what string }{
	{"config_dump.json", "config_dump?include_eds", "configuration, with endpoints"},
	{"clusters.json", "clusters?format=json", "upstreams, hosts and their health"},
	{"stats.txt", "stats?usedonly", "counters and gauges"},
	{"certs.json", "certs", "certificates and how long they are valid"},
	{"server_info.json", "server_info", "version and state"},
}

// debugFiles are what istiod says of the mesh on its debug interface.
// Source: Istio's pilot/pkg/xds/debug.go.
var debugFiles = []struct{ file, request, what string }{
	{"syncz.json", "/debug/syncz", "what each proxy was sent and has accepted"},
	{"registryz.json", "/debug/registryz", "the Services it knows"},
	{"endpointz.json", "/debug/endpointz", "the endpoints it knows"},
	{"configz.json", "/debug/configz", "the configuration it knows"},
	{"push_status.json", "/debug/push_status", "problems of the last push"},
	{"metrics.txt", "/metrics", "its own counters"},
}

// proxyJobs ask proxies and istiods, gateways and broken pods first.
func (c *Collector) proxyJobs(s *scope) []job {
	if c.NoExec {
		return []job{{"proxies", func(context.Context, *Writer) error {
			return errors.New("not asked for: it needs the right to run a command in a pod")
		}}}
	}
	var jobs []job
	pods := slices.Clone(s.pods)
	slices.SortStableFunc(pods, func(a, b corev1.Pod) int { return proxyRank(&a) - proxyRank(&b) })
	proxies, left := 0, 0
	for i := range pods {
		pod := &pods[i]
		switch {
		case pod.Labels["app"] == "istiod" && running(pod, "discovery"):
			jobs = append(jobs, c.istiodJob(pod))
		case !running(pod, proxyContainer):
		case proxies == proxyLimit:
			left++
		default:
			proxies++
			jobs = append(jobs, c.proxyJob(pod))
		}
	}
	if left > 0 {
		jobs = append(jobs, job{"proxies", func(context.Context, *Writer) error {
			return fmt.Errorf("only %d of %d proxies are asked", proxyLimit, proxyLimit+left)
		}})
	}
	return jobs
}

// proxyRank is lower for the proxies that are asked first.
func proxyRank(pod *corev1.Pod) int {
	rank := 2
	if Gateway(pod) {
		rank = 0
	}
	if Ready(pod) {
		rank++
	}
	return rank
}

// Gateway says whether a pod is a gateway: its proxy is all that it has.
func Gateway(pod *corev1.Pod) bool {
	return len(pod.Spec.Containers) == 1 && pod.Spec.Containers[0].Name == proxyContainer
}

func running(pod *corev1.Pod, container string) bool {
	return slices.ContainsFunc(slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses), func(s corev1.ContainerStatus) bool {
		return s.Name == container && s.State.Running != nil
	})
}

func (c *Collector) proxyJob(pod *corev1.Pod) job {
	folder := path.Join("proxies", pod.Namespace, pod.Name)
	return job{folder, func(ctx context.Context, w *Writer) error {
		var errs []error
		for _, f := range adminFiles {
			raw, err := c.Clients.PodExec(ctx, pod.Namespace, pod.Name, proxyContainer, "pilot-agent", "request", "GET", f.request)
			if err != nil {
				errs = append(errs, err)
				break // the next one would fail too, and each takes its time
			}
			w.Add(path.Join(folder, f.file), f.what+" of the proxy of Pod "+pod.Namespace+"/"+pod.Name, []byte(raw))
		}
		return errors.Join(errs...)
	}}
}

func (c *Collector) istiodJob(pod *corev1.Pod) job {
	folder := path.Join("istiod", pod.Namespace, pod.Name)
	return job{folder, func(ctx context.Context, w *Writer) error {
		var errs []error
		for _, f := range debugFiles {
			raw, err := c.Clients.PodExec(ctx, pod.Namespace, pod.Name, "discovery", "pilot-discovery", "request", "GET", f.request)
			if err != nil {
				errs = append(errs, err)
				break
			}
			content := []byte(raw)
			if path.Ext(f.file) == ".json" {
				content = indent(raw)
			}
			w.Add(path.Join(folder, f.file), f.what+", by istiod "+pod.Name, content)
		}
		return errors.Join(errs...)
	}}
}
