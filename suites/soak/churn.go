package soak

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/fixtures"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

const (
	// routeEvery and podEvery are the times between two changes.
	routeEvery = 3 * time.Second
	podEvery   = 15 * time.Second
	lookEvery  = 15 * time.Second
	// served bounds the time until a new route is served, and replaced that until a pod is.
	served   = 2 * time.Minute
	replaced = 2 * time.Minute
)

// changeRoutes makes a route, waits until it is served, and removes it, again and again.
func (k *keeper) changeRoutes(ctx context.Context, w *watched) error {
	manifest, err := fixtures.Files.ReadFile("install/answer.yaml")
	if err != nil {
		return err
	}
	namespace, err := k.stack.ScratchNamespace(ctx)
	if err != nil {
		return err
	}
	for kit.Pause(ctx, routeEvery) {
		name := "soak-" + rand.String(8)
		host := name + ".soak." + k.stack.Domain()
		values := k.stack.FixtureValues()
		values["Name"], values["Host"], values["Body"] = name, host, name
		objects, err := kube.Render(manifest, values)
		if err != nil {
			return err
		}
		// What was begun is ended, though the time is over meanwhile.
		ctx := context.WithoutCancel(ctx)
		began := time.Now()
		if err := k.stack.Apply(ctx, namespace, objects); err != nil {
			return fmt.Errorf("make a route: %w", err)
		}
		err = kit.Until(ctx, served, func(ctx context.Context) error {
			r := probe.HTTP(ctx, probe.Request{URL: k.stack.GatewayURL(), Host: host, Timeout: kit.ShortTimeout})
			if r.Status != 200 || string(r.Body) != name {
				return fmt.Errorf("host %s is not served: %s", host, r)
			}
			return nil
		})
		w.slowest = max(w.slowest, time.Since(began))
		if err := kube.Delete(ctx, k.stack.Client, objects); err != nil {
			return fmt.Errorf("remove a route: %w", err)
		}
		if err != nil {
			return err
		}
		w.routes++
	}
	return nil
}

// replacePods deletes one pod after the other of a Deployment of two, and waits each time
// until there are two again.
func (k *keeper) replacePods(ctx context.Context, w *watched, selector string) error {
	for kit.Pause(ctx, podEvery) {
		ctx := context.WithoutCancel(ctx)
		pods, err := k.stack.ReadyPods(ctx, k.stack.Namespace, selector)
		if err != nil {
			return err
		}
		if len(pods) == 0 {
			return fmt.Errorf("no pod %s is ready, so that none can be replaced", selector)
		}
		old := pods[0]
		if err := k.stack.Client.Delete(ctx, &old); client.IgnoreNotFound(err) != nil {
			return err
		}
		err = kit.Until(ctx, replaced, func(ctx context.Context) error {
			all, err := k.stack.Pods(ctx, k.stack.Namespace, selector)
			if err != nil {
				return err
			}
			ready, err := k.stack.ReadyPods(ctx, k.stack.Namespace, selector)
			if err != nil {
				return err
			}
			if len(all) != 2 || len(ready) != 2 || all[0].UID == old.UID || all[1].UID == old.UID {
				return fmt.Errorf("pod %s is not replaced: pods %v, ready %v", old.Name, kit.PodNames(all), kit.PodNames(ready))
			}
			return nil
		})
		if err != nil {
			return err
		}
		w.pods++
	}
	return nil
}

// certificate is what a proxy showed over the time.
type certificate struct {
	serial      string
	since       time.Time
	longest     time.Duration
	seen, looks int
}

// see takes in what a proxy shows at a time.
func (c *certificate) see(serial string, at time.Time) {
	c.looks++
	if serial != c.serial {
		c.serial, c.since = serial, at
		c.seen++
	}
	c.longest = max(c.longest, at.Sub(c.since))
}

// lookAtCertificates asks every proxy of the fixed pods for its certificate, again and again.
func (k *keeper) lookAtCertificates(ctx context.Context, w *watched, fixed map[string]fixedPod) error {
	for {
		for _, name := range sorted(fixed) {
			pod := fixed[name]
			if pod.component == "istiod" {
				continue
			}
			// What was begun is ended, though the time is over meanwhile.
			serial, err := k.serial(context.WithoutCancel(ctx), pod)
			if err != nil {
				return fmt.Errorf("certificate of pod %s: %w", name, err)
			}
			if w.certificates[name] == nil {
				w.certificates[name] = &certificate{}
			}
			w.certificates[name].see(serial, time.Now())
		}
		if !kit.Pause(ctx, lookEvery) {
			return nil
		}
	}
}

// serial is that of the certificate by which a proxy is known.
func (k *keeper) serial(ctx context.Context, pod fixedPod) (string, error) {
	dump, err := k.stack.ProxyAdmin(ctx, pod.Pod, "config_dump?resource=dynamic_active_secrets")
	if err != nil {
		return "", err
	}
	own, err := envoy.WorkloadCertificate([]byte(dump))
	if err != nil {
		return "", err
	}
	return own.SerialNumber.String(), nil
}
