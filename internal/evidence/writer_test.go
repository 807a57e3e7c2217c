package evidence

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func read(t *testing.T, elements ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(elements...))
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return string(content)
}

func TestTheWriterIndexesWhatItWroteAndWhatIsMissing(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	w := NewWriter(dir)
	w.About(time.Now().Add(-time.Minute))
	w.Add("namespaces/shop/events.txt", "events of shop", []byte("one\n"))
	w.Add("nothing.txt", "nothing", []byte(" \n"))
	w.Missing("istiod", errors.New("exec failed: Authorization: Bearer abcdefghijklmnop"))
	paths, err := w.Close()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(paths).To(gomega.Equal([]string{
		filepath.Join(dir, "index.md"), filepath.Join(dir, IndexName), filepath.Join(dir, "namespaces/shop/events.txt"),
	}), "the index first, and no file without content")
	var index Index
	g.Expect(json.Unmarshal([]byte(read(t, dir, IndexName)), &index)).To(gomega.Succeed())
	g.Expect(index.Schema).To(gomega.Equal(Schema))
	g.Expect(index.Files).To(gomega.ConsistOf(gomega.HaveField("What", "events of shop")))
	g.Expect(index.Missing).To(gomega.ConsistOf(gomega.HaveField("Error", gomega.Not(gomega.ContainSubstring("abcdefghij")))))
	g.Expect(read(t, dir, "index.md")).To(gomega.And(gomega.ContainSubstring("events of shop"), gomega.ContainSubstring("exec failed")))
}

func TestTheWriterRemovesSecretsFromEveryFile(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	w := NewWriter(dir)
	const planted = "Pl4nted"
	for _, name := range []string{"a.log", "b.txt", "c.json", "d.yaml", "deep/er/e.log"} {
		w.Add(name, "x", []byte(`{"password":"`+planted+`"}`))
	}
	paths, err := w.Close()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(paths).To(gomega.HaveLen(7))
	for _, path := range paths {
		g.Expect(read(t, path)).NotTo(gomega.ContainSubstring(planted), path)
	}
	g.Expect(read(t, dir, "index.md")).To(gomega.ContainSubstring("1 secrets removed"))
}

func TestTheWriterKeepsTheEndOfALongLogAndLeavesOutALongDocument(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	w := NewWriter(dir)
	line := strings.Repeat("x", 99) + "\n"
	w.Add("long.log", "a log", []byte(strings.Repeat(line, logLimit/50)+"the end\n"))
	w.Add("long.json", "a document", []byte(strings.Repeat("x", fileLimit+1)))
	_, err := w.Close()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	log := read(t, dir, "long.log")
	g.Expect(len(log)).To(gomega.BeNumerically("<=", logLimit))
	g.Expect(log).To(gomega.And(gomega.HavePrefix(line), gomega.HaveSuffix("the end\n")), "whole lines, the last ones")
	g.Expect(filepath.Join(dir, "long.json")).NotTo(gomega.BeAnExistingFile())
	g.Expect(read(t, dir, "index.md")).To(gomega.And(gomega.ContainSubstring("left out"), gomega.ContainSubstring("long.json")))
}

func TestAFolderIsBoundedAsAWhole(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	w := NewWriter(dir)
	w.limit = 1000
	big := []byte(strings.Repeat("y", 100))
	for i := range 12 {
		w.Add(filepath.Join("f", string(rune('a'+i))+".json"), "big", big)
	}
	_, err := w.Close()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(w.total).To(gomega.BeNumerically("<=", 1000))
	g.Expect(w.index.Missing).To(gomega.HaveLen(2))
}

func TestABundleIsReadAsTheFolderThatItWasMadeFrom(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	w := NewWriter(dir)
	w.Add("namespaces/shop/pods.yaml", "pods", []byte("items: []\n"))
	_, err := w.Close()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	archive := filepath.Join(t.TempDir(), "today.tar.gz")
	g.Expect(Pack(dir, archive, time.Now())).To(gomega.Succeed())
	for _, name := range []string{dir, archive} {
		files, err := Open(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		content, err := fs.ReadFile(files, "namespaces/shop/pods.yaml")
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(string(content)).To(gomega.Equal("items: []\n"))
		g.Expect(fs.ReadFile(files, IndexName)).NotTo(gomega.BeEmpty())
	}
}

func TestOpenRefusesWhatIsNoBundle(t *testing.T) {
	g := gomega.NewWithT(t)
	name := filepath.Join(t.TempDir(), "x.tar.gz")
	g.Expect(os.WriteFile(name, []byte("no archive"), 0o600)).To(gomega.Succeed())
	_, err := Open(name)
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(name)))
	_, err = Open(name + ".none")
	g.Expect(err).To(gomega.MatchError(fs.ErrNotExist))
}
