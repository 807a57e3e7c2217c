package charts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	kubefake "helm.sh/helm/v3/pkg/kube/fake"
	"helm.sh/helm/v3/pkg/release"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestApply(t *testing.T) {
	c, r := newFakeCluster(), demo()
	apply := func() {
		t.Helper()
		if _, err := c.Apply(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	apply()
	c.expect(t, 1, release.StatusDeployed)
	apply() // the same: no new revision
	c.expect(t, 1, release.StatusDeployed)

	r.Values = table{"ports": table{"http": 8080}, "ratio": 0.5}
	apply()
	c.expect(t, 2, release.StatusDeployed)
	r.Values = table{"ratio": float32(0.5), "ports": table{"http": 8080.0}} // the same numbers
	apply()
	c.expect(t, 2, release.StatusDeployed)

	r.Chart = packageDemo(t, "1.0.1") // another version
	apply()
	c.expect(t, 3, release.StatusDeployed)
	r.Chart = changedDemo(t)
	apply() // another template under the version before
	c.expect(t, 4, release.StatusDeployed)
}

// changedDemo is the demo chart of version 1.0.1 with another template.
func changedDemo(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.CopyFS(dir, os.DirFS(demoDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "templates", "more.yaml"), []byte("# more\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := Package(dir, "1.0.1", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestApplyRepairs(t *testing.T) {
	cases := []struct {
		name     string
		status   release.Status
		revision int
	}{
		{"a failed release is upgraded", release.StatusFailed, 2},
		{"a superseded one too", release.StatusSuperseded, 2},
		{"one that was being removed is removed and installed", release.StatusUninstalling, 1},
		{"one that was removed is installed", release.StatusUninstalled, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c := newFakeCluster()
			installed, err := c.Install(t.Context(), demo())
			if err != nil {
				t.Fatal(err)
			}
			installed.Info.Status = tc.status
			if err := c.releases.Update(installed); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Apply(t.Context(), demo()); err != nil {
				t.Fatal(err)
			}
			c.expect(t, tc.revision, release.StatusDeployed)
		})
	}
}

// Helm's upgrade would leave in the objects what the failed revision added.
func TestApplyUndoesAFailedUpgrade(t *testing.T) {
	c := newFakeCluster()
	if _, err := c.Install(t.Context(), demo()); err != nil {
		t.Fatal(err)
	}
	c.kube.WaitError = errors.New("interrupted")
	if _, err := c.Upgrade(t.Context(), demo()); err == nil {
		t.Fatal("want an error")
	}
	c.kube.WaitError = nil
	c.expect(t, 2, release.StatusFailed)
	if _, err := c.Apply(t.Context(), demo()); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 4, release.StatusDeployed)
	undone, err := c.releases.Get("web", 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := "Rollback to 1"; undone.Info.Description != want {
		t.Errorf("revision 3: %q, want %q", undone.Info.Description, want)
	}
}

func TestApplyRefusesPending(t *testing.T) {
	c := newFakeCluster()
	installed, err := c.Install(t.Context(), demo())
	if err != nil {
		t.Fatal(err)
	}
	installed.Info.Status = release.StatusPendingUpgrade
	if err := c.releases.Update(installed); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Apply(t.Context(), demo()); err == nil || !strings.Contains(err.Error(), "helm uninstall web --namespace shop") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
	c.expect(t, 1, release.StatusPendingUpgrade)
}

func TestApplyMakesDeletedObjectsAgain(t *testing.T) {
	c := newFakeCluster()
	if _, err := c.Apply(t.Context(), demo()); err != nil {
		t.Fatal(err)
	}
	gone := apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web")
	waits := &failOnce{FailingKubeClient: c.kube, err: gone}
	configure := c.configure
	c.use(func(ctx context.Context, namespace string) (*action.Configuration, error) {
		cfg, err := configure(ctx, namespace)
		cfg.KubeClient = waits
		return cfg, err
	})
	if _, err := c.Apply(t.Context(), demo()); err != nil {
		t.Fatal(err)
	}
	c.expect(t, 2, release.StatusDeployed)
}

// failOnce fails the first wait.
type failOnce struct {
	*kubefake.FailingKubeClient
	err error
}

func (f *failOnce) WaitWithJobs(kube.ResourceList, time.Duration) error {
	err := f.err
	f.err = nil
	return err
}
