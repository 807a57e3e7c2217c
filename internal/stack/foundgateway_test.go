package stack

import (
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"istio-conformance/internal/process/exitcode"
)

func gatewayService(name string, kind corev1.ServiceType, ports ...corev1.ServicePort) found {
	return found{service: corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: corev1.ServiceSpec{Type: kind, Ports: ports},
	}}
}

func TestTheGatewayUnderTest(t *testing.T) {
	egress, in, other := gatewayService("egress", corev1.ServiceTypeClusterIP), gatewayService("in", corev1.ServiceTypeLoadBalancer), gatewayService("other", corev1.ServiceTypeNodePort)
	for name, c := range map[string]struct {
		all      []found
		wanted   string
		want     string
		says     string
		exitcode int
	}{
		"the only one":             {[]found{egress}, "", "ns/egress", "", 0},
		"the one for traffic":      {[]found{egress, in}, "", "ns/in", "", 0},
		"the one that was named":   {[]found{egress, in}, "ns/egress", "ns/egress", "", 0},
		"none":                     {nil, "ns/in", "", "no gateway: no Service selects", exitcode.Environment},
		"none of that name":        {[]found{egress, in}, "ns/no", "", "GATEWAY=ns/no: no such gateway; there are ns/egress, ns/in", exitcode.Usage},
		"several, and none chosen": {[]found{egress, in, other}, "", "", "3 gateways: ns/egress, ns/in, ns/other; name the one", exitcode.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			got, err := chooseGateway(c.all, c.wanted)
			if c.says != "" {
				g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)))
				g.Expect(exitcode.Of(err)).To(gomega.Equal(c.exitcode))
				return
			}
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(got.name()).To(gomega.Equal(c.want))
		})
	}
}

func TestPortsOfAGateway(t *testing.T) {
	g := gomega.NewWithT(t)
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 8080}}}}}}
	service := gatewayService("in", corev1.ServiceTypeNodePort,
		corev1.ServicePort{Name: "status-port", Port: 15021, TargetPort: intstr.FromInt32(15021), NodePort: 30021},
		corev1.ServicePort{Name: "http2", Port: 8000, TargetPort: intstr.FromString("web"), NodePort: 30080},
		corev1.ServicePort{Name: "https", Port: 443, TargetPort: intstr.FromInt32(8443)}).service
	g.Expect(servicePort(&service, pod, 80, "http2", "http")).To(gomega.Equal(GatewayPort{Number: 8000, Target: 8080, Node: 30080}))
	g.Expect(servicePort(&service, pod, 443, "https")).To(gomega.Equal(GatewayPort{Number: 443, Target: 8443}))
	g.Expect(servicePort(&service, pod, 81, "none")).To(gomega.Equal(GatewayPort{}))
}

func TestGatewayAddress(t *testing.T) {
	for text, want := range map[string][2]string{
		"gw.example":                 {"gw.example:80", "gw.example:443"},
		"10.0.0.1":                   {"10.0.0.1:80", "10.0.0.1:443"},
		"10.0.0.1:8080":              {"10.0.0.1:8080", ""},
		"10.0.0.1:8080,10.0.0.1:444": {"10.0.0.1:8080", "10.0.0.1:444"},
		"2001:db8::1":                {"[2001:db8::1]:80", "[2001:db8::1]:443"},
		"[2001:db8::1]:8080":         {"[2001:db8::1]:8080", ""},
	} {
		http, https, err := ParseAddress(text, [2]int32{80, 443})
		gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred(), text)
		gomega.NewWithT(t).Expect([2]string{http, https}).To(gomega.Equal(want), text)
	}
	for _, text := range []string{"http://gw", "gw:0", "gw:http", ":80", "a,b,c", "gw:80:81", "gw/path"} {
		_, _, err := ParseAddress(text, [2]int32{80, 443})
		gomega.NewWithT(t).Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage), text)
	}
}

func TestVersionOfAnImage(t *testing.T) {
	for image, want := range map[string]string{
		"docker.io/istio/pilot:1.31.0": "1.31.0", "r:5000/pilot:1.31.0-distroless": "1.31.0", "pilot:1.31.0@sha256:ab": "1.31.0", "r:5000/pilot": "", "pilot:latest": "",
	} {
		gomega.NewWithT(t).Expect(imageVersion(image)).To(gomega.Equal(want), image)
	}
}
