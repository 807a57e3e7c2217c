package exam

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/evidence/corpus"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
)

// Times of a bite.
const (
	// biteWithin bounds the time until a fault bites, on a busy machine too.
	biteWithin = 90 * time.Second
	// requestWithin bounds a request; some bites are that nothing comes.
	requestWithin = 5 * time.Second
)

// outcome is what became of a request: a status or a kind of failure, with the body or
// what was said of the failure.
type outcome struct{ is, text string }

// request sends a request until its outcome is the wanted one, as often in a row as is
// wanted.
func (p *player) request(ctx context.Context, q corpus.Request) {
	want, body := regexp.MustCompile("^(?:"+q.Want+")$"), regexp.MustCompile(q.Body)
	var last outcome
	p.t.Eventually(ctx, func() (bool, error) {
		for range max(1, q.Times) {
			var err error
			if last, err = p.send(ctx, q); err != nil || !want.MatchString(last.is) || !body.MatchString(last.text) {
				return false, err
			}
		}
		return true, nil
	}).WithTimeout(biteWithin).Should(gomega.BeTrue(), func() string {
		return fmt.Sprintf("request for %s%s: want %s %s, got %s: %.300s", q.Host, q.Path, q.Want, q.Body, last.is, last.text)
	})
	p.t.Observe("request for %s%s: %s", q.Host, q.Path, last.is)
}

func (p *player) send(ctx context.Context, q corpus.Request) (outcome, error) {
	if q.From != "" {
		return p.sendFrom(ctx, q)
	}
	port := int32(stack.HTTPNodePort)
	if q.Port == "https" {
		port = stack.HTTPSNodePort
	}
	address, err := p.stack.GatewayAddress(port, "")
	if err != nil {
		return outcome{}, err
	}
	if q.Raw != "" {
		return sendRaw(ctx, address, q.Raw)
	}
	request := probe.Request{Method: q.Method, URL: "http://" + q.Host + path(q), ConnectTo: address, HTTP2: q.HTTP2, Timeout: requestWithin, Headers: http.Header{}}
	if q.Port == "https" {
		request.URL = "https://" + q.Host + path(q)
		// The certificates are this report's; whether they fit is not what it is about.
		request.TLS = &tls.Config{InsecureSkipVerify: true, ServerName: host(q.Host)}
	}
	for name, value := range q.Headers {
		request.Headers.Set(name, value)
	}
	response := probe.HTTP(ctx, request)
	if response.Err != nil {
		return outcome{string(response.Class), response.Err.Error()}, nil //nolint:nilerr // the failure is the outcome
	}
	return outcome{strconv.Itoa(response.Status), string(response.Body)}, nil
}

func path(q corpus.Request) string {
	if q.Path == "" {
		return "/"
	}
	return q.Path
}

func host(name string) string {
	if h, _, err := net.SplitHostPort(name); err == nil {
		return h
	}
	return name
}

func sendRaw(ctx context.Context, address, raw string) (outcome, error) {
	result, err := probe.Raw(ctx, address, []byte(raw), requestWithin)
	switch {
	case err != nil:
		return outcome{"failed", err.Error()}, nil //nolint:nilerr // the failure is the outcome
	case len(result.Statuses) > 0:
		return outcome{strconv.Itoa(result.Statuses[0]), result.String()}, nil
	case result.Ended:
		return outcome{"ended", result.String()}, nil
	}
	return outcome{"open", result.String()}, nil
}

// sendFrom sends a request from the backend's program in a pod.
func (p *player) sendFrom(ctx context.Context, q corpus.Request) (outcome, error) {
	namespace, selector, _ := strings.Cut(q.From, " ")
	pods, err := p.stack.ReadyPods(ctx, p.place(namespace), selector)
	if err != nil || len(pods) == 0 {
		return outcome{"no pod", fmt.Sprint(err)}, nil
	}
	method := q.Method
	if method == "" {
		method = http.MethodGet
	}
	text, err := p.stack.Cluster.PodExec(ctx, pods[0].Namespace, pods[0].Name, "backend", "/backend", "ask", "-method", method, "-timeout", requestWithin.String(), "http://"+q.Host+path(q))
	if err != nil {
		return outcome{}, err
	}
	var answer struct {
		Status      int
		Body, Error string
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return outcome{}, fmt.Errorf("what the pod said: %w", err)
	}
	if answer.Error != "" {
		return outcome{"failed", answer.Error}, nil
	}
	return outcome{strconv.Itoa(answer.Status), answer.Body}, nil
}

// shows waits until an object or a log shows something.
func (p *player) shows(ctx context.Context, s corpus.Shows) {
	want := regexp.MustCompile(s.Matches)
	what, look := s.Log, p.log
	if s.Object != nil {
		what, look = s.Object.Kind+" "+s.Object.Name, p.object
	}
	var last string
	p.t.Eventually(ctx, func() (bool, error) {
		var err error
		last, err = look(ctx, s)
		return want.MatchString(last) != s.Lacks, err
	}).WithTimeout(biteWithin).Should(gomega.BeTrue(), func() string { return fmt.Sprintf("%s must show %q: %.600s", what, s.Matches, last) })
	p.t.Observe("%s shows %q", what, s.Matches)
}

func (p *player) log(ctx context.Context, s corpus.Shows) (string, error) {
	parts := strings.Fields(s.Log)
	if len(parts) != 3 {
		return "", fmt.Errorf("log %q: want namespace, selector and container", s.Log)
	}
	return p.stack.Logs(ctx, p.place(parts[0]), parts[1], parts[2])
}

func (p *player) object(ctx context.Context, s corpus.Shows) (string, error) {
	kind := schema.FromAPIVersionAndKind(s.Object.APIVersion, s.Object.Kind)
	if s.Object.Name != "" {
		one := &unstructured.Unstructured{}
		one.SetGroupVersionKind(kind)
		if err := p.stack.Client.Get(ctx, client.ObjectKey{Namespace: p.place(s.Object.Namespace), Name: s.Object.Name}, one); err != nil {
			return "", err
		}
		return text(one.Object)
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(kind)
	if err := p.stack.Client.List(ctx, list, client.InNamespace(p.place(s.Object.Namespace))); err != nil {
		return "", err
	}
	var all strings.Builder
	for i := range list.Items {
		one, err := text(list.Items[i].Object)
		if err != nil {
			return "", err
		}
		all.WriteString(one + "\n")
	}
	return all.String(), nil
}

// text is an object as JSON, without who set which field.
func text(object map[string]any) (string, error) {
	unstructured.RemoveNestedField(object, "metadata", "managedFields")
	content, err := json.Marshal(object)
	return string(content), err
}
