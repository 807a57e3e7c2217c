package charts

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// stored is a release as Helm stores it.
func stored(t *testing.T, json string) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(json)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(packed.Bytes()))
}

func TestUnreadableRevisionsAreNamed(t *testing.T) {
	secret := func(name, version string, release []byte) corev1.Secret {
		return corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "sh.helm.release.v1." + name + ".v" + version, Labels: map[string]string{"owner": "helm", "name": name, "version": version}},
			Data:       map[string][]byte{"release": release},
		}
	}
	whole := stored(t, `{"name":"istiod"}`)
	got := unreadable([]corev1.Secret{
		secret("istiod", "1", whole), secret("istiod", "2", []byte("garbage")), secret("istio-base", "1", whole[:len(whole)/2]), secret("ztunnel", "1", nil),
	})
	want := []string{
		"release istio-system/istiod: its revision 2 cannot be read from Secret istio-system/sh.helm.release.v1.istiod.v2: unexpected EOF",
		"release istio-system/istio-base: its revision 1 cannot be read from Secret istio-system/sh.helm.release.v1.istio-base.v1: unexpected EOF",
		"release istio-system/ztunnel: its revision 1 cannot be read from Secret istio-system/sh.helm.release.v1.ztunnel.v1: EOF",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
