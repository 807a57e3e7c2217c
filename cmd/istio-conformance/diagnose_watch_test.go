package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/diagnose"
)

// said is a diagnosis of what a tool reported.
func said(t *testing.T, text string) *diagnose.Diagnosis {
	t.Helper()
	catalogue, err := diagnose.Load()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := evidence.OnlySaid(dir, text, errors.New("no cluster")); err != nil {
		t.Fatal(err)
	}
	d, err := catalogue.Diagnose(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A watch writes what comes and what goes, once, and one line for a cluster that does
// not answer.
func TestWatchWritesWhatChanges(t *testing.T) {
	g := gomega.NewWithT(t)
	fault := said(t, "ERROR: failed to create fsnotify watcher: too many open files\n")
	none := said(t, "all is well\n")
	g.Expect(fault.Report().Symptoms).To(gomega.HaveLen(1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := []*diagnose.Diagnosis{none, fault, fault, nil, nil, none}
	n := 0
	var out strings.Builder
	last, err := watch(ctx, &out, time.Millisecond, func() (*diagnose.Diagnosis, error) {
		if n == len(answers) {
			cancel()
			return nil, errors.New("stopped")
		}
		n++
		if answers[n-1] == nil {
			return nil, errors.New("connection\nrefused")
		}
		return answers[n-1], nil
	})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(last).To(gomega.BeIdenticalTo(none))
	_, lines, _ := strings.Cut(out.String(), "Ctrl-C ends it\n")
	var said []string
	for line := range strings.Lines(lines) {
		_, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		text, _, _ = strings.Cut(text, "-said")
		said = append(said, text)
	}
	g.Expect(said).To(gomega.Equal([]string{"new:  inotify-limit", "the cluster does not answer: connection refused", "gone: inotify-limit"}))
}

func TestWatchRefuses(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(watchNeeds(0, "x", "", true)).To(gomega.Succeed())
	g.Expect(watchNeeds(time.Second, "x.tar.gz", "", false)).To(gomega.MatchError(gomega.ContainSubstring("does not change")))
	g.Expect(watchNeeds(time.Second, "", "-", false)).To(gomega.MatchError(gomega.ContainSubstring("--said")))
	g.Expect(watchNeeds(time.Second, "", "", true)).To(gomega.MatchError(gomega.ContainSubstring("--json")))
}
