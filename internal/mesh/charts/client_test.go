package charts

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	kubefake "helm.sh/helm/v3/pkg/kube/fake"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"

	"istio-conformance/internal/process/progress"
)

// fakeCluster is a cluster that takes everything and shows nothing.
type fakeCluster struct {
	*Client
	releases *storage.Storage
	kube     *kubefake.FailingKubeClient
}

func newFakeCluster() *fakeCluster {
	memory := driver.NewMemory()
	c := &fakeCluster{
		releases: storage.Init(memory),
		kube:     &kubefake.FailingKubeClient{PrintingKubeClient: kubefake.PrintingKubeClient{Out: io.Discard}},
	}
	c.use(func(_ context.Context, namespace string) (*action.Configuration, error) {
		memory.SetNamespace(namespace)
		return &action.Configuration{Releases: c.releases, KubeClient: c.kube, Capabilities: chartutil.DefaultCapabilities, Log: func(string, ...any) {}}, nil
	})
	return c
}

func (c *fakeCluster) use(configure configure) {
	c.Client = &Client{logf: progress.Discard, configure: configure, changer: helm3{configure}}
}

func demo() Release { return Release{Name: "web", Namespace: "shop", Chart: demoDir} }

// expect checks the last revision of the demo release and its status.
func (c *fakeCluster) expect(t *testing.T, revision int, status release.Status) {
	t.Helper()
	got, err := c.Get(t.Context(), "shop", "web")
	if err != nil {
		t.Fatal(err)
	}
	if got.Version != revision || got.Info.Status != status {
		t.Errorf("revision %d is %s, want revision %d to be %s", got.Version, got.Info.Status, revision, status)
	}
}

func TestInstallUpgradeRollbackUninstall(t *testing.T) {
	c, r := newFakeCluster(), demo()
	if _, err := c.Install(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 1, release.StatusDeployed)
	if _, err := c.Install(t.Context(), r); err == nil || !strings.Contains(err.Error(), "shop/web") {
		t.Errorf("second installation: got %v, want an error that names the release", err)
	}
	r.Values = table{"greeting": "moin"}
	upgraded, err := c.Upgrade(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(upgraded.Manifest, "moin") {
		t.Errorf("the upgrade did not take the values:\n%s", upgraded.Manifest)
	}
	c.expect(t, 2, release.StatusDeployed)
	r.Values = nil // no values are no values, not those before
	if upgraded, err = c.Upgrade(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(upgraded.Manifest, "moin") {
		t.Errorf("the upgrade kept the values of the one before:\n%s", upgraded.Manifest)
	}
	if err := c.Rollback(t.Context(), "shop", "web", 2, DefaultTimeout); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 4, release.StatusDeployed)
	revisions, err := c.History(t.Context(), "shop", "web")
	if err != nil {
		t.Fatal(err)
	}
	if len(revisions) != 4 || revisions[0].Version != 1 || revisions[3].Manifest != revisions[1].Manifest {
		t.Errorf("%d revisions, want 4, the last like the second", len(revisions))
	}
	if err := c.Uninstall(t.Context(), "shop", "web", DefaultTimeout); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "shop", "web"); !errors.Is(err, driver.ErrReleaseNotFound) {
		t.Errorf("after uninstalling: got %v, want %v", err, driver.ErrReleaseNotFound)
	}
	if err := c.Uninstall(t.Context(), "shop", "web", DefaultTimeout); err != nil {
		t.Errorf("uninstalling what is gone: %v", err)
	}
}

func TestList(t *testing.T) {
	c := newFakeCluster()
	for _, name := range []string{"b", "a"} {
		if _, err := c.Install(t.Context(), Release{Name: name, Namespace: "shop", Chart: demoDir}); err != nil {
			t.Fatal(err)
		}
	}
	c.kube.WaitError = errors.New("not ready")
	if _, err := c.Install(t.Context(), Release{Name: "c", Namespace: "mart", Chart: demoDir}); err == nil {
		t.Fatal("want an error")
	}
	for namespace, want := range map[string]string{"shop": "a b", "mart": "c", "": "a b c", "none": ""} {
		found, err := c.List(t.Context(), namespace)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, r := range found {
			names = append(names, r.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("namespace %q: got %q, want %q", namespace, got, want)
		}
	}
}

func TestFailedWaitIsRecorded(t *testing.T) {
	c := newFakeCluster()
	c.kube.WaitError = &lateError{wanted: "ready", waited: DefaultTimeout, states: []state{{"Deployment shop/web", "0 of 1 pods ready"}}}
	_, err := c.Install(t.Context(), demo())
	if err == nil || !strings.Contains(err.Error(), "Deployment shop/web: 0 of 1 pods ready") {
		t.Errorf("got %v, want an error that names the object", err)
	}
	c.expect(t, 1, release.StatusFailed)
}

func TestNothingBeginsAfterTheEnd(t *testing.T) {
	c, ended := newFakeCluster(), errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ended)
	if _, err := c.Apply(ctx, demo()); !errors.Is(err, ended) {
		t.Errorf("got %v, want %v", err, ended)
	}
	if found, err := c.List(t.Context(), ""); err != nil || len(found) != 0 {
		t.Errorf("installed %v, %v", found, err)
	}
}
