package oci

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// found is what a test compares of a tar entry.
type found struct {
	name string
	mode int64
	body string
}

func entries(t *testing.T, l *Layer) []found {
	t.Helper()
	file, err := l.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}()
	var all []found
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if !header.ModTime.Equal(epoch) || header.Uid != 0 {
			t.Errorf("%s has time %s and owner %d", header.Name, header.ModTime, header.Uid)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found{header.Name, header.Mode, string(body) + header.Linkname})
	}
}

func TestLayerIsSortedAndComplete(t *testing.T) {
	source := filepath.Join(t.TempDir(), "kubelet")
	if err := os.WriteFile(source, []byte("ELF"), 0o600); err != nil {
		t.Fatal(err)
	}
	var tree Tree
	tree.Bytes("/kind/version", 0o644, []byte("v1.36.3"))
	if err := tree.File("usr/bin/kubelet", 0o755, source); err != nil {
		t.Fatal(err)
	}
	tree.Link("usr/sbin/init", "/usr/lib/systemd/systemd")
	tree.Dir("tmp", fs.ModeSticky|0o777)
	layer, err := tree.Layer(filepath.Join(t.TempDir(), "layer.tar"))
	if err != nil {
		t.Fatal(err)
	}
	want := []found{
		{"kind/", 0o755, ""}, {"kind/version", 0o644, "v1.36.3"},
		{"tmp/", 0o1777, ""},
		{"usr/", 0o755, ""}, {"usr/bin/", 0o755, ""}, {"usr/bin/kubelet", 0o755, "ELF"},
		{"usr/sbin/", 0o755, ""}, {"usr/sbin/init", 0o777, "/usr/lib/systemd/systemd"},
	}
	if got := entries(t, layer); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestLayerIsReproducible(t *testing.T) {
	build := func(names ...string) string {
		var tree Tree
		for _, name := range names {
			tree.Bytes(name, 0o644, []byte(name))
		}
		layer, err := tree.Layer(filepath.Join(t.TempDir(), "layer.tar"))
		if err != nil {
			t.Fatal(err)
		}
		return layer.digest.String()
	}
	first := build("a/x", "b/y", "c")
	if other := build("c", "b/y", "a/x"); other != first {
		t.Error("the order of adding files changes the digest")
	}
	if other := build("a/x", "b/y"); other == first {
		t.Error("another content has the same digest")
	}
}

func TestProgramsOfOneFileShareIt(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "all"), []byte("all"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"one": "all", "two": "all", "astray": "../all"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var tree Tree
	for _, name := range []string{"one", "two"} {
		if err := tree.Program("bin/"+name, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.Program("sbin/three", filepath.Join(dir, "all")); err != nil {
		t.Fatal(err)
	}
	layer, err := tree.Layer(filepath.Join(t.TempDir(), "layer.tar"))
	if err != nil {
		t.Fatal(err)
	}
	want := []found{
		{"bin/", 0o755, ""}, {"bin/all", 0o755, "all"}, {"bin/one", 0o777, "all"}, {"bin/two", 0o777, "all"},
		{"sbin/", 0o755, ""}, {"sbin/three", 0o755, "all"},
	}
	if got := entries(t, layer); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if err := tree.Program("bin/astray", filepath.Join(dir, "astray")); err == nil || !strings.Contains(err.Error(), "not beside it") {
		t.Errorf("a link to another directory: %v", err)
	}
}

func TestOpenLayer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "layer.tar")
	var tree Tree
	tree.Bytes("a", 0o644, []byte("a"))
	written, err := tree.Layer(path)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := OpenLayer(path)
	if err != nil {
		t.Fatal(err)
	}
	if *opened != *written {
		t.Errorf("opened %+v, wrote %+v", opened, written)
	}
	if err := os.WriteFile(path+digestSuffix, []byte("nonsense"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLayer(path); err == nil {
		t.Error("a layer with a broken digest was opened")
	}
}

func TestRewrite(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base.tar")
	writeTar(t, base,
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeDir, Name: "./etc/", Mode: 0o700, Uname: "root"},
		tar.Header{Typeflag: tar.TypeReg, Name: "./etc/hostname", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeReg, Name: "./etc/replaced", Mode: 0o600},
		tar.Header{Typeflag: tar.TypeDir, Name: "./var/log/", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeDir, Name: "./var/log/apt/", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "./var/log/apt/history", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeReg, Name: "./usr/perl", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeLink, Name: "./usr/perl5", Linkname: "./usr/perl", Mode: 0o755},
	)
	var over Tree
	over.Bytes("etc/replaced", 0o644, []byte("new"))
	drop := func(name string) bool { return name == "etc/hostname" || filepath.Dir(name) == "var/log" }
	layer, err := Rewrite(base, filepath.Join(t.TempDir(), "layer.tar"), drop, &over)
	if err != nil {
		t.Fatal(err)
	}
	want := []found{
		{"etc/", 0o700, ""}, {"var/log/", 0o755, ""},
		{"usr/perl", 0o755, ""}, {"usr/perl5", 0o755, "usr/perl"},
		{"etc/replaced", 0o644, "new"},
	}
	if got := entries(t, layer); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestRewriteRefusesToBreakAHardLink(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base.tar")
	writeTar(t, base,
		tar.Header{Typeflag: tar.TypeReg, Name: "./a", Mode: 0o644},
		tar.Header{Typeflag: tar.TypeLink, Name: "./b", Linkname: "./a", Mode: 0o644},
	)
	_, err := Rewrite(base, filepath.Join(t.TempDir(), "layer.tar"), func(name string) bool { return name == "a" }, &Tree{})
	if err == nil || !strings.Contains(err.Error(), "b is a hard link to a") {
		t.Errorf("got %v", err)
	}
}

func writeTar(t *testing.T, path string, headers ...tar.Header) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(file)
	for i := range headers {
		if err := w.WriteHeader(&headers[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
}
