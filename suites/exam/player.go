package exam

import (
	"context"
	"encoding/base64"
	"path/filepath"
	"slices"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/evidence/corpus"
	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

const (
	// answerWithin is how long the right cause may take to be named, unless the report
	// says otherwise, and askEvery how often it is asked for.
	answerWithin = 20 * time.Second
	askEvery     = 3 * time.Second
)

// player plays one report.
type player struct {
	t      *check.T
	stack  *stack.Stack
	report corpus.Report
	// Namespace is the report's own.
	Namespace string

	authority *kit.Authority
	pairs     map[string]kit.Pair
}

func newPlayer(t *check.T, s *stack.Stack, r corpus.Report) *player {
	return &player{t: t, stack: s, report: r, Namespace: "exam-" + r.Name, pairs: map[string]kit.Pair{}}
}

// The template of a report's objects knows the exported fields and methods.

// Gateway is the namespace of the gateway.
func (p *player) Gateway() string { return p.stack.Gateway.Namespace }

// Shared is the namespace of the backend that all reports share.
func (p *player) Shared() string { return p.stack.Namespace }

// Backend is the backend's image.
func (p *player) Backend() string { return p.stack.Images.Backend }

// Cert is a certificate for a name, and Key its key, in base64 as a Secret holds them.
func (p *player) Cert(name string) string { return p.encode(p.pair(name).CertPEM) }

// Key is the key of the certificate for a name.
func (p *player) Key(name string) string { return p.encode(p.pair(name).KeyPEM) }

// CA is the certificate of who issues them.
func (p *player) CA() string { p.pair("ca"); return p.encode(p.authority.PEM) }

func (p *player) encode(pem []byte) string { return base64.StdEncoding.EncodeToString(pem) }

func (p *player) pair(name string) kit.Pair {
	if p.authority == nil {
		p.authority = kit.NewAuthority(p.t, "authority of report "+p.report.Name)
	}
	if _, made := p.pairs[name]; !made {
		p.pairs[name] = p.authority.Issue(p.t, name)
	}
	return p.pairs[name]
}

// play makes the fault and sees its bite.
func (p *player) play(ctx context.Context) {
	if p.report.GatewayAPI {
		kit.MustHaveGatewayAPI(ctx, p.t, p.stack)
	}
	mutation.Mend(ctx, p.t, func(ctx context.Context) {
		for _, step := range p.report.Undo {
			p.step(ctx, step)
		}
	})
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: p.Namespace, Labels: p.report.Labels}}
	mutation.Mend(ctx, p.t, func(ctx context.Context) {
		p.t.Expect(client.IgnoreNotFound(p.stack.Client.Delete(ctx, ns))).To(gomega.Succeed(), "delete Namespace %s", p.Namespace)
	})
	p.t.Eventually(ctx, func() error { return p.stack.Client.Create(ctx, ns.DeepCopy()) }).WithTimeout(time.Minute).
		Should(gomega.Succeed(), "create Namespace %s, also when the last run's is still going", p.Namespace)
	for _, step := range p.report.Steps {
		p.step(ctx, step)
	}
}

// step does one step.
func (p *player) step(ctx context.Context, step corpus.Step) {
	switch {
	case step.Apply != "":
		p.apply(ctx, step.Apply)
	case step.Delete != nil:
		p.remove(ctx, *step.Delete)
	case step.Patch != nil:
		p.patch(ctx, *step.Patch)
	case step.Values != nil:
		p.values(ctx, *step.Values)
	case step.Restart != "":
		p.restart(ctx, step.Restart)
	case step.Request != nil:
		p.mustHavePods(ctx)
		p.request(ctx, *step.Request)
	case step.Shows != nil:
		p.shows(ctx, *step.Shows)
	}
}

// ask asks for the cause until the right one is named, a false one is, or time is up.
func (p *player) ask(ctx context.Context) (answer *diagnose.Diagnosis, result corpus.Result) {
	within := answerWithin
	if p.report.Within > 0 {
		within = time.Duration(p.report.Within) * time.Second
	}
	// What is asked has the check's time: an answer that is cut off says nothing.
	err := wait.PollUntilContextTimeout(ctx, askEvery, within, true, func(context.Context) (bool, error) {
		got, err := p.stack.DiagnoseIn(ctx, p.folder(), append(slices.Clone(p.report.Namespaces), p.Namespace)...)
		if err != nil {
			return false, err
		}
		answer, result = got, p.report.Judge(got)
		return result.Score == corpus.Right || result.Score == corpus.False, nil
	})
	if answer == nil {
		p.t.Expect(err).NotTo(gomega.HaveOccurred(), "ask for the cause")
	}
	return answer, result
}

// folder is where the evidence of the answer is kept until the report is played again.
func (p *player) folder() string {
	return filepath.Join(p.stack.OutDir(), "exam", p.report.Name)
}

func (p *player) apply(ctx context.Context, manifest string) {
	objects, err := kube.Render([]byte(manifest), p)
	p.t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Mend(ctx, p.t, func(ctx context.Context) {
		p.t.Expect(kube.Delete(ctx, p.stack.Client, objects)).To(gomega.Succeed(), "delete the report's objects")
	})
	p.t.Expect(kube.Apply(ctx, p.stack.Client, p.Namespace, objects)).To(gomega.Succeed())
}

// place fills in the namespaces that a report names by what they are.
func (p *player) place(namespace string) string {
	switch namespace {
	case "":
		return p.Namespace
	case "gateway":
		return p.Gateway()
	case "shared":
		return p.Shared()
	case "none":
		return ""
	}
	return namespace
}

func (p *player) get(ctx context.Context, o corpus.Object) *unstructured.Unstructured {
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(schema.FromAPIVersionAndKind(o.APIVersion, o.Kind))
	key := client.ObjectKey{Namespace: p.place(o.Namespace), Name: o.Name}
	if o.Kind == "Namespace" {
		key = client.ObjectKey{Name: p.place(o.Name)}
	}
	p.t.Expect(p.stack.Client.Get(ctx, key, found)).To(gomega.Succeed(), "%s %s", o.Kind, o.Name)
	return found
}

// remove deletes an object and puts it back in the end, in place of another one that
// was made meanwhile.
func (p *player) remove(ctx context.Context, o corpus.Object) {
	old := p.get(ctx, o)
	mutation.Mend(ctx, p.t, func(ctx context.Context) {
		p.t.Expect(client.IgnoreNotFound(p.stack.Client.Delete(ctx, old.DeepCopy()))).To(gomega.Succeed(), "delete what took the place of %s", kube.Name(old))
		mutation.PutBack(ctx, p.t, p.stack, old)
	})
	p.t.Expect(p.stack.Client.Delete(ctx, old.DeepCopy())).To(gomega.Succeed(), "delete %s", kube.Name(old))
}

// patch changes an object and gives it its old content in the end, whatever it has
// become in the meantime.
func (p *player) patch(ctx context.Context, change corpus.Patch) {
	old := p.get(ctx, change.Object)
	mutation.Mend(ctx, p.t, func(ctx context.Context) {
		now := p.get(ctx, change.Object)
		want := old.DeepCopy()
		for _, o := range []*unstructured.Unstructured{now, want} {
			o.SetManagedFields(nil)
			o.SetResourceVersion("")
			o.SetGeneration(0)
			delete(o.Object, "status")
		}
		p.t.Expect(p.stack.Client.Patch(ctx, want, client.MergeFrom(now))).To(gomega.Succeed(), "change %s back", kube.Name(old))
		p.rolledOut(ctx, old)
	})
	p.t.Expect(p.stack.Client.Patch(ctx, old.DeepCopy(), client.RawPatch("application/merge-patch+json", []byte(change.Merge)))).To(gomega.Succeed(), "patch %s", kube.Name(old))
}

// values upgrades a release with more values, and to its own in the end.
func (p *player) values(ctx context.Context, v corpus.Values) {
	i := slices.IndexFunc(p.stack.Releases, func(r charts.Release) bool { return r.Name == v.Release })
	p.t.Expect(i).To(gomega.BeNumerically(">=", 0), "a release %s", v.Release)
	own := p.stack.Releases[i]
	other := own
	other.Values = charts.Values(own.Values, v.Set)
	mutation.Mend(ctx, p.t, func(ctx context.Context) {
		_, err := p.stack.Helm.Upgrade(ctx, own)
		p.t.Expect(err).NotTo(gomega.HaveOccurred(), "give release %s its values back", own)
	})
	_, err := p.stack.Helm.Upgrade(ctx, other)
	p.t.Expect(err).NotTo(gomega.HaveOccurred(), "upgrade release %s", own)
}
