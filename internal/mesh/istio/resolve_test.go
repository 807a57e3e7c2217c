package istio

import (
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

// published31 is what a place of charts may have.
var published31 = []Version{version("1.32.0-rc.1"), version("1.31.5"), version("1.31.4"), version("1.30.8")}

func TestResolve(t *testing.T) {
	const image36 = "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"
	cases := []struct {
		name    string
		request Request
		want    Resolved
	}{
		{"defaults of modules", Request{Source: SourceModules}, Resolved{Pair{"1.31.0", "v1.36.3"}, ""}},
		{"defaults of release", Request{Source: SourceRelease}, Resolved{Pair{"1.31.4", "v1.36.4"}, image36}},
		{"minors", Request{Istio: "1.30", Kubernetes: "v1.35", Source: SourceModules}, Resolved{Pair{"1.30.0", "v1.35.4"}, ""}},
		{"full versions", Request{Istio: "1.31.0", Kubernetes: "1.36.3", Source: SourceModules}, Resolved{Pair{"1.31.0", "v1.36.3"}, ""}},
		{"an older patch", Request{Istio: "v1.30.2", Kubernetes: "v1.36.4", Source: SourceRelease}, Resolved{Pair{"1.30.2", "v1.36.4"}, image36}},
		{"newest Kubernetes that an older Istio supports", Request{Istio: "1.29", Source: SourceRelease}, Resolved{
			Pair{"1.29.8", "v1.35.8"}, "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0"}},
		{"the newest patch that is published", Request{Istio: "1.31", Source: SourceRelease, Published: published31}, Resolved{Pair{"1.31.5", "v1.36.4"}, image36}},
		{"a pre-release", Request{Istio: "1.32.0-rc.1", Source: SourceRelease, Published: published31}, Resolved{Pair{"1.32.0-rc.1", "v1.36.4"}, image36}},
		{"the user's node image", Request{Istio: "1.31", Source: SourceRelease, Published: published31, NodeImage: "a:5000/node:v1.36.3"}, Resolved{Pair{"1.31.5", "v1.36.3"}, "a:5000/node:v1.36.3"}},
		{"a node image of a Kubernetes that nobody knows", Request{Istio: "1.31", Source: SourceRelease, Published: published31, NodeImage: "a/node:v1.39.0"}, Resolved{Pair{"1.31.5", "v1.39.0"}, "a/node:v1.39.0"}},
		{"a node image whose tag says nothing", Request{Kubernetes: "v1.36.2", Source: SourceRelease, NodeImage: "a/node:mine"}, Resolved{Pair{"1.31.4", "v1.36.2"}, "a/node:mine"}},
		{"kind's own list", Request{Kubernetes: "1.38", Source: SourceRelease, Nodes: []Node{{Version: version("1.38.1"), Image: "b"}}}, Resolved{Pair{"1.31.4", "v1.38.1"}, "b"}},
		{"forced pair", Request{Kubernetes: "1.37", Source: SourceModules, Force: true}, Resolved{Pair{"1.31.0", "v1.37.2"}, ""}},
	}
	table := load(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := table.Resolve(c.request)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	cases := []struct {
		name    string
		request Request
		says    []string
	}{
		{"no version", Request{Istio: "latest", Source: SourceModules}, []string{`"latest"`, "1.32.0, 1.31.0 to 1.31.4", "1.18.0 to 1.18.7"}},
		{"unknown minor of Istio", Request{Istio: "1.99", Source: SourceRelease}, []string{"Istio 1.99 is unknown", "1.32.0, 1.31.0 to 1.31.4", "1.18.0 to 1.18.7"}},
		{"a patch that is not published", Request{Istio: "1.31.99", Source: SourceRelease, Published: published31, Origin: "here"}, []string{"here has no Istio 1.31.99; its newest 1.31 is 1.31.5"}},
		{"a minor that is not published", Request{Istio: "1.33", Source: SourceRelease, Published: published31, Origin: "here"}, []string{"here has no Istio 1.33; its newest is 1.31.5"}},
		{"a minor without a release", Request{Istio: "1.32", Source: SourceRelease, Published: published31, Origin: "here"}, []string{"here has no release of Istio 1.32 yet, only 1.32.0-rc.1"}},
		{"another pre-release", Request{Istio: "1.32.0-rc.2", Source: SourceRelease, Published: published31, Origin: "here"}, []string{"here has no Istio 1.32.0-rc.2; its newest 1.32 is 1.32.0-rc.1"}},
		{"a node image that is another Kubernetes", Request{Kubernetes: "1.35", Source: SourceRelease, NodeImage: "a/node:v1.36.3"}, []string{"NODE_IMAGE=a/node:v1.36.3 is of Kubernetes v1.36.3, not 1.35"}},
		{"a node image without a version", Request{Source: SourceRelease, NodeImage: "a/node:latest"}, []string{"does not say which Kubernetes it is", "KUBERNETES="}},
		{"a node image outside of the table", Request{Source: SourceRelease, NodeImage: "a/node:v1.37.5"}, []string{"supports Kubernetes 1.32 to 1.36"}},
		{"known, not built", Request{Istio: "1.29", Source: SourceModules}, []string{"Istio 1.29 is not available", "IMAGES=modules", "1.31.0, 1.30.0"}},
		{"known patch, not built", Request{Istio: "1.31.1", Source: SourceModules}, []string{"Istio 1.31.1 is not available", "1.31.0"}},
		{"no version of Kubernetes", Request{Kubernetes: "x", Source: SourceModules}, []string{`"x"`, "v1.36.3"}},
		{"unknown Kubernetes", Request{Kubernetes: "1.36.99", Source: SourceModules}, []string{"Kubernetes 1.36.99 is unknown", "v1.36.3", "v1.36.4"}},
		{"Kubernetes of the other source", Request{Kubernetes: "1.36.4", Source: SourceModules}, []string{"not available", "IMAGES=modules", "v1.36.3"}},
		{"outside the support table", Request{Kubernetes: "1.37", Source: SourceModules}, []string{"Istio 1.31.0 on Kubernetes v1.37.2", "supports Kubernetes 1.32 to 1.36", "announcing-1.31", "force"}},
		{"nothing supported", Request{Istio: "1.18", Source: SourceRelease}, []string{"supports Kubernetes 1.24 to 1.27", "v1.36.4"}},
		{"archive", Request{Source: SourceArchive}, []string{"IMAGES=archive"}},
	}
	table := load(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cell, err := table.Resolve(c.request)
			if err == nil {
				t.Fatalf("got %+v, want an error", cell)
			}
			if exitcode.Of(err) != exitcode.Usage {
				t.Errorf("status %d, want %d", exitcode.Of(err), exitcode.Usage)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the message has more than one line: %v", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	cases := []struct {
		cell  Pair
		force bool
		ok    bool
	}{
		{Pair{Istio: "1.31.0", Kubernetes: "v1.32.1"}, false, true},
		{Pair{Istio: "1.31.0", Kubernetes: "v1.31.9"}, false, false},
		{Pair{Istio: "1.31.0", Kubernetes: "v1.31.9"}, true, true},
		{Pair{Istio: "1.99.0", Kubernetes: "v1.36.3"}, false, true},
		{Pair{Istio: "1.17.0", Kubernetes: "v1.36.3"}, false, false},
		{Pair{Istio: "1.31.0", Kubernetes: ""}, true, false},
	}
	table := load(t)
	for _, c := range cases {
		err := table.Check(c.cell, c.force)
		if (err == nil) != c.ok {
			t.Errorf("%+v force=%t: error %v, want ok %t", c.cell, c.force, err, c.ok)
		}
		if err != nil && exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%+v: status %d, want %d", c.cell, exitcode.Of(err), exitcode.Usage)
		}
	}
}

func TestEnds(t *testing.T) {
	table := load(t)
	for reference, instead := range map[string]string{
		"https://istio-release.storage.googleapis.com/charts":       "https://blob.istio.io/istio-release/charts",
		"oci://gcr.io/istio-release/charts":                         "oci://ghcr.io/istio/release/charts",
		"gcr.io/istio-release/pilot:1.30.0":                         "docker.io/istio",
		"registry.istio.io/release/proxyv2:1.30.0":                  "docker.io/istio",
		"registry.istio.io":                                         "docker.io/istio",
		"docker.io/istio/pilot:1.30.0":                              "",
		"https://blob.istio.io/istio-release/charts":                "",
		"gcr.io/istio-release-of-somebody/pilot:1.0.0":              "",
		"mirror.example/gcr.io/istio-release/pilot:1.30.0":          "",
		"https://istio-release.storage.googleapis.com/charts/x.tgz": "https://blob.istio.io/istio-release/charts",
	} {
		got := table.Ends(reference)
		if (got == nil) != (instead == "") || got != nil && got.Instead != instead {
			t.Errorf("%s: got %v, want %q", reference, got, instead)
		}
	}
}
