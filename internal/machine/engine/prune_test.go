package engine

import (
	"slices"
	"testing"
)

func TestPrunable(t *testing.T) {
	const listed = `sha256:a istio-conformance/node:v1.36.3
sha256:a istio-conformance/node:latest
sha256:b istio-conformance/node:v1.35.4
sha256:c <none>:<none>
sha256:d <none>:<none>
`
	tests := map[string]struct{ keep, want []string }{
		"nothing kept":   {nil, []string{"istio-conformance/node:v1.36.3", "istio-conformance/node:latest", "istio-conformance/node:v1.35.4", "sha256:c", "sha256:d"}},
		"by reference":   {[]string{"istio-conformance/node:v1.36.3"}, []string{"istio-conformance/node:latest", "istio-conformance/node:v1.35.4", "sha256:c", "sha256:d"}},
		"without a tag":  {[]string{"docker.io/istio-conformance/node", "sha256:c"}, []string{"istio-conformance/node:v1.36.3", "istio-conformance/node:v1.35.4", "sha256:d"}},
		"by id":          {[]string{"sha256:a", "sha256:b", "sha256:c", "sha256:d"}, nil},
		"only a similar": {[]string{"istio-conformance/node:v1.36"}, []string{"istio-conformance/node:v1.36.3", "istio-conformance/node:latest", "istio-conformance/node:v1.35.4", "sha256:c", "sha256:d"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := prunable(listed, tt.keep); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := prunable("", nil); got != nil {
		t.Errorf("of nothing: %q", got)
	}
}

func TestSameImage(t *testing.T) {
	for _, tt := range []struct {
		ref, listed string
		want        bool
	}{
		{"docker.io/library/busybox", "busybox:latest", true},
		{"busybox:1", "busybox:latest", false},
		{"localhost:5000/x", "localhost:5000/x:latest", true},
		{"localhost:5000/x:1", "localhost:5000/x:1", true},
	} {
		if got := sameImage(tt.ref, tt.listed); got != tt.want {
			t.Errorf("%s and %s: got %t", tt.ref, tt.listed, got)
		}
	}
}
