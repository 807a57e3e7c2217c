package istio

import (
	"strings"
	"testing"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/images"
)

func TestResolve(t *testing.T) {
	const image36 = "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"
	cases := []struct {
		name    string
		request Request
		want    Cell
	}{
		{"defaults of modules", Request{Source: images.Modules}, Cell{"1.31.0", "v1.36.3", ""}},
		{"defaults of release", Request{Source: images.Release}, Cell{"1.31.1", "v1.36.4", image36}},
		{"minors", Request{Istio: "1.30", Kubernetes: "v1.35", Source: images.Modules}, Cell{"1.30.0", "v1.35.4", ""}},
		{"full versions", Request{Istio: "1.31.0", Kubernetes: "1.36.3", Source: images.Modules}, Cell{"1.31.0", "v1.36.3", ""}},
		{"an older patch", Request{Istio: "v1.30.2", Kubernetes: "v1.36.4", Source: images.Release}, Cell{"1.30.2", "v1.36.4", image36}},
		{"newest Kubernetes that an older Istio supports", Request{Istio: "1.29", Source: images.Release}, Cell{
			"1.29.6", "v1.35.8", "kindest/node:v1.35.8@sha256:07b2536e30b803ed61d1677a79df6115f798ce64c80f9e22f6ed45afd09323c0"}},
		{"forced pair", Request{Kubernetes: "1.37", Source: images.Modules, Force: true}, Cell{"1.31.0", "v1.37.2", ""}},
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
		{"no version", Request{Istio: "latest", Source: images.Modules}, []string{`"latest"`, "1.31.0-1", "1.18.0-7"}},
		{"unknown minor of Istio", Request{Istio: "1.99", Source: images.Release}, []string{"Istio 1.99 is unknown", "1.31.0-1", "1.18.0-7"}},
		{"unknown patch of Istio", Request{Istio: "1.31.9", Source: images.Release}, []string{"Istio 1.31.9 is unknown"}},
		{"unknown patch, even forced", Request{Istio: "1.31.9", Source: images.Release, Force: true}, []string{"unknown"}},
		{"known, not built", Request{Istio: "1.29", Source: images.Modules}, []string{"Istio 1.29 is not available", "IMAGES=modules", "1.31.0, 1.30.0"}},
		{"known patch, not built", Request{Istio: "1.31.1", Source: images.Modules}, []string{"Istio 1.31.1 is not available", "1.31.0"}},
		{"no version of Kubernetes", Request{Kubernetes: "x", Source: images.Modules}, []string{`"x"`, "v1.36.3"}},
		{"unknown Kubernetes", Request{Kubernetes: "1.36.99", Source: images.Modules}, []string{"Kubernetes 1.36.99 is unknown", "v1.36.3", "v1.36.4"}},
		{"Kubernetes of the other source", Request{Kubernetes: "1.36.4", Source: images.Modules}, []string{"not available", "IMAGES=modules", "v1.36.3"}},
		{"outside the support table", Request{Kubernetes: "1.37", Source: images.Modules}, []string{"Istio 1.31.0 supports Kubernetes 1.32 to 1.36, not v1.37.2", "supportStatus.yml", "force"}},
		{"nothing supported", Request{Istio: "1.18", Source: images.Release}, []string{"supports Kubernetes 1.24 to 1.27", "v1.36.4"}},
		{"archive", Request{Source: images.Archive}, []string{"IMAGES=archive"}},
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
		cell  Cell
		force bool
		ok    bool
	}{
		{Cell{Istio: "1.31.0", Kubernetes: "v1.32.1"}, false, true},
		{Cell{Istio: "1.31.0", Kubernetes: "v1.31.9"}, false, false},
		{Cell{Istio: "1.31.0", Kubernetes: "v1.31.9"}, true, true},
		{Cell{Istio: "1.99.0", Kubernetes: "v1.36.3"}, true, false},
		{Cell{Istio: "1.31.0", Kubernetes: ""}, true, false},
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
