package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestInfo(t *testing.T) {
	noted := func(settings ...debug.BuildSetting) *debug.BuildInfo {
		return &debug.BuildInfo{Settings: settings, Deps: []*debug.Module{
			{Path: "sigs.k8s.io/kind", Version: "v0.33.0"}, {Path: "example.com/other", Version: "v1.0.0"},
		}}
	}
	revision, modified := debug.BuildSetting{Key: "vcs.revision", Value: "abc"}, debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for what, test := range map[string]struct {
		tag, commit string
		read        *debug.BuildInfo
		want        string
	}{
		"a release":            {"v1.2.0", "94c0350", noted(), "v1.2.0, commit 94c0350"},
		"by the Makefile":      {"", "94c0350-dirty", noted(revision), "94c0350-dirty"},
		"by go build":          {"", "", noted(revision), "abc"},
		"of a changed tree":    {"", "", noted(revision, modified), "abc-dirty"},
		"without a repository": {"", "", noted(), "unknown"},
		"without notes":        {"", "", nil, "unknown"},
	} {
		t.Run(what, func(t *testing.T) {
			tag, commit = test.tag, test.commit
			t.Cleanup(func() { tag, commit = "", "" })
			got := info(test.read)
			if got.String() != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.read != nil && (len(got.Modules) != 1 || got.Modules["sigs.k8s.io/kind"] != "v0.33.0") {
				t.Errorf("modules %v", got.Modules)
			}
		})
	}
}

func TestVersionCommand(t *testing.T) {
	for format, test := range map[string]struct {
		says string
		bad  bool
	}{
		"text": {"istio-conformance unknown\n", false},
		"json": {`"commit": "unknown"`, false},
		"yaml": {"", true},
	} {
		var out strings.Builder
		c := version()
		c.SetOut(&out)
		c.SetErr(&out)
		c.SetArgs([]string{"--format", format})
		if err := c.Execute(); (err != nil) != test.bad || !strings.Contains(out.String(), test.says) {
			t.Errorf("--format %s: %v\n%s", format, err, out.String())
		}
	}
}
