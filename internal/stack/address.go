package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"

	"istio-conformance/fixtures"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

const (
	// servedTimeout bounds the time until the gateway serves a new route.
	servedTimeout = 30 * time.Second
	// compareTimeout is how long the address that the user names may answer otherwise
	// than a pod of the gateway, since there may be several pods.
	compareTimeout = 10 * time.Second
	// bodyLimit is how much of an answer is read; a route's own is shorter.
	bodyLimit = 64
)

// verifyAddress sees to it that GATEWAY_ADDRESS leads to the gateway: a route that one of
// its pods serves is asked there too. Where the pod cannot be asked, the address must take
// a connection.
func (b *Builder) verifyAddress(ctx context.Context, logf progress.Logf) error {
	if b.config.GatewayAddress == "" {
		return nil
	}
	how, at := b.Gateway.Entrance.How, b.Gateway.Entrance.HTTP
	not := func(seen any) error {
		return exitcode.Environmentf("%s does not lead to gateway %s/%s: %v; name an address that does, or leave it out and one is looked for", how, b.Gateway.Namespace, b.Gateway.Release, seen)
	}
	pod, host, body, why := b.serveProof(ctx)
	if why != nil {
		logf("%s is not compared with the gateway: %v", how, why)
		if err := open(ctx, way{http: at}); err != nil {
			return not(err)
		}
		return nil
	}
	var seen string
	err := wait.PollUntilContextTimeout(ctx, time.Second, compareTimeout, true, func(ctx context.Context) (bool, error) {
		seen = askHost(ctx, at, host)
		return seen == body, nil
	})
	if err != nil {
		return not(fmt.Sprintf("its pod %s answers %q for a route of this run's, and at the address the answer is %q", pod.Name, body, seen))
	}
	return nil
}

// serveProof makes a route in the namespace of the run for which the gateway answers by
// itself, and waits until a pod does. why says why none could be asked.
func (b *Builder) serveProof(ctx context.Context) (pod corev1.Pod, host, answer string, why error) {
	fail := func(err error) (corev1.Pod, string, string, error) { return corev1.Pod{}, "", "", err }
	if text := b.WhyScoped(); text != "" {
		return fail(errors.New(text))
	}
	namespace, err := b.ScratchNamespace(ctx)
	if err != nil {
		return fail(err)
	}
	manifest, err := fixtures.Files.ReadFile("install/answer.yaml")
	if err != nil {
		return fail(err)
	}
	values, name, body := b.FixtureValues(), "address-"+rand.String(5), rand.String(12)
	values["Name"], values["Host"], values["Body"] = name, name+"."+b.Domain(), body
	objects, err := kube.Render(manifest, values)
	if err != nil {
		return fail(err)
	}
	if err := b.Apply(ctx, namespace, objects); err != nil {
		return fail(err)
	}
	if pod, err = b.GatewayPod(ctx); err != nil {
		return fail(err)
	}
	at, err := b.forward(ctx, pod, b.Gateway.HTTP.Target)
	if err != nil {
		return fail(err)
	}
	host, answer = values["Host"], "200 "+body
	var seen string
	err = wait.PollUntilContextTimeout(ctx, time.Second, servedTimeout, true, func(ctx context.Context) (bool, error) {
		seen = askHost(ctx, at, host)
		return seen == answer, nil
	})
	if err != nil {
		return fail(fmt.Errorf("its pod %s does not serve a route of this run's within %s: %s", pod.Name, servedTimeout, seen))
	}
	return pod, host, answer, nil
}

// forward opens a port of this machine that leads to one of a gateway's pod until ctx ends,
// as a load balancer before the gateway would come to it.
func (s *Stack) forward(ctx context.Context, pod corev1.Pod, port int32) (string, error) {
	local, _, err := s.Cluster.PortForward(ctx, pod.Namespace, pod.Name, int(port))
	if err != nil {
		return "", err
	}
	return s.asBalancer(ctx, &pod, net.JoinHostPort("127.0.0.1", strconv.Itoa(local)))
}

// askHost is the answer of an address for a host: its status and the begin of its body, or
// the error.
func askHost(ctx context.Context, at, host string) string {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/", http.NoBody)
	if err != nil {
		return err.Error()
	}
	request.Host = host
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("none within %s", reachTimeout)
	case err != nil:
		return err.Error()
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, bodyLimit))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}
