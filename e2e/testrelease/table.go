package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/process/exitcode"
)

// pilot makes the registry answer otherwise for the trial's image pilot, so many times;
// part is manifests or blobs.
func pilot(part string, times int, answer http.HandlerFunc) func(*trial) error {
	return image("pilot", part, times, answer)
}

func image(name, part string, times int, answer http.HandlerFunc) func(*trial) error {
	return func(t *trial) error {
		t.mirror.Fail(mirror.Only("/v2/"+t.below+"/"+name+"/"+part, times, answer))
		return nil
	}
}

// charts makes the chart repository answer otherwise.
func charts(path string, times int, answer http.HandlerFunc) func(*trial) error {
	return func(t *trial) error {
		t.mirror.Fail(mirror.Only("/charts/"+path, times, answer))
		return nil
	}
}

// bad is a row of the table.
func bad(what string, set func(*trial) error, status int, says, shown string) fault {
	return fault{what: what, set: set, status: status, says: says, shown: shown}
}

// in bounds the row's time.
func (f fault) in(within time.Duration) fault {
	f.within = within
	return f
}

// nowhere is an address behind which nothing is (RFC 5737).
const nowhere = "192.0.2.1"

// soon is how long an unreachable host may keep a user waiting.
const soon = 10 * time.Second

func registryFaults() []fault {
	const env = exitcode.Environment
	return []fault{
		bad("nothing wrong", with(), 0, "", ""),
		bad("the registry is down", with("HUB=127.0.0.1:1/istio"), env, "registry 127.0.0.1:1: nothing listens there (connection refused); use IMAGES=modules or an archive", "attempt 3 of 3"),
		bad("the registry's host cannot be reached", with("HUB="+nowhere+"/istio"), env, "registry "+nowhere+": ", "").in(soon),
		bad("401", pilot("manifests", mirror.Always, mirror.Answer(401)), env, "access is refused (401 Unauthorized): docker login", ""),
		bad("429 with Retry-After, then well", pilot("manifests", 1, mirror.Answer(429, "Retry-After", "1")), 0, "", "429 Too Many Requests: attempt 2 of 3 in 1s"),
		bad("429 for an hour", pilot("manifests", mirror.Always, mirror.Answer(429, "Retry-After", "3600")), env, "it takes no more requests for now (429 Too Many Requests): wait, docker login", "asks to wait 1h0m0s, which is too long"),
		bad("503, then well", pilot("manifests", 1, mirror.Answer(503)), 0, "", "503 Service Unavailable: attempt 2 of 3"),
		bad("503 for ever", pilot("manifests", mirror.Always, mirror.Answer(503)), env, "it answers 503 Service Unavailable", "attempt 3 of 3"),
		bad("a tag is missing in one of four images", image("install-cni", "manifests", mirror.Always, mirror.Answer(404)), env, "/install-cni:", ""),
		bad("a version is in the charts and not in the hub", func(t *trial) error { return with("HUB=" + t.mirror.Host + "/" + t.below + "/other")(t) }, env, "/other/pilot:", ""),
		bad("a blob is cut off, then whole", pilot("blobs", 1, mirror.Truncated), 0, "", ""),
		bad("a blob is cut off", pilot("blobs", mirror.Always, mirror.Truncated), env, "delivers a broken image", "attempt 3 of 3").in(2 * time.Minute),
		bad("an image is for another architecture", func(t *trial) error { t.pilot = "s390x"; return nil }, env, "is for linux/s390x, this machine is linux/", ""),
		bad("a private registry, without credentials", private(false), env, "access is refused (401 Unauthorized): docker login 127.0.0.1:", ""),
		bad("a private registry, with credentials in config.json", private(true), 0, "", ""),
	}
}

func chartFaults() []fault {
	const env = exitcode.Environment
	return []fault{
		bad("a chart has another digest than the index says", wrongDigest, env, "the download is broken or the repository was tampered with", ""),
		bad("a chart is cut off, then whole", charts("base-", 1, mirror.Truncated), 0, "", "attempt 2 of 3"),
		bad("a chart is cut off", charts("base-", mirror.Always, mirror.Truncated), env, "chart base ", "attempt 3 of 3"),
		bad("the chart repository is down", with("CHARTS=http://127.0.0.1:1/charts"), env, "chart repository http://127.0.0.1:1/charts: nothing listens there", "attempt 3 of 3"),
		bad("the chart repository's host cannot be reached", with("CHARTS=https://"+nowhere+"/charts"), env, "chart repository https://"+nowhere+"/charts: ", "").in(soon),
		bad("the registry of the charts cannot be reached", with("CHARTS=oci://"+nowhere+"/charts"), env, "registry oci://"+nowhere+"/charts: ", "").in(soon),
		bad("the registry of the charts: 401", func(t *trial) error {
			t.mirror.Fail(mirror.Only("/v2/charts/", mirror.Always, mirror.Answer(401)))
			return with("CHARTS=" + t.mirror.ChartsOCI())(t)
		}, env, "helm registry login 127.0.0.1:", ""),
		bad("the registry of the charts: 503, then well", func(t *trial) error {
			t.mirror.Fail(mirror.Only("/v2/charts/base/manifests", 1, mirror.Answer(503)))
			return with("CHARTS=" + t.mirror.ChartsOCI())(t)
		}, 0, "", "503 Service Unavailable: attempt 2 of 3"),
	}
}

// askedWrongly is what users name that cannot be.
func askedWrongly() []fault {
	const usage = exitcode.Usage
	return []fault{
		bad("ISTIO=<a patch that is not published>", func(t *trial) error { return with("ISTIO=" + minor(t.cell.Istio) + ".99")(t) }, usage, "; its newest ", ""),
		bad("ISTIO=latest", with("ISTIO=latest"), usage, "Istio's version: ", ""),
		bad("CHARTS=<an empty folder>", func(t *trial) error { return with("CHARTS=" + t.dir)(t) }, usage, "the folder holds no chart; want base, cni, gateway, istiod and ztunnel", ""),
		bad("CHARTS=<another product's charts>", otherCharts, usage, "want Istio's charts base, cni, gateway, istiod and ztunnel", ""),
		bad("CHARTS=oci:// with a version", func(t *trial) error {
			return with("CHARTS=" + t.mirror.ChartsOCI() + "/base:" + t.cell.Istio)(t)
		}, usage, "this names one version; name the path that all charts are below, and the version by ISTIO=", ""),
		bad("CHARTS=oci:// of one chart, without a version", func(t *trial) error { return with("CHARTS=" + t.mirror.ChartsOCI() + "/base")(t) }, usage, "want Istio's charts base, cni, gateway, istiod and ztunnel", ""),
		bad("HUB with a scheme", with("HUB=https://registry.example/istio"), usage, "the name of an image has no https://; want HUB=registry.example/istio", ""),
		bad("NODE_IMAGE without a version", func(t *trial) error { return with("NODE_IMAGE=" + t.mirror.Host + "/kindest/node:latest")(t) }, usage, "its tag does not say which Kubernetes it is", ""),
	}
}

// private makes the registry want a user and a password.
func private(credentials bool) func(*trial) error {
	return func(t *trial) error {
		t.mirror.Fail(mirror.Private("user", "secret"))
		if !credentials {
			return nil
		}
		auth := map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte("user:secret"))}
		config, err := json.Marshal(map[string]any{"auths": map[string]any{t.mirror.Host: auth}})
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(t.dir, "config.json"), config, 0o600)
	}
}

// wrongDigest makes the index name a digest that no package has.
func wrongDigest(t *trial) error {
	var index strings.Builder
	index.WriteString("apiVersion: v1\nentries:\n")
	for name := range t.charts {
		fmt.Fprintf(&index, "  %[1]s:\n  - {apiVersion: v2, name: %[1]s, version: %[2]s, digest: '%[3]s', urls: [%[1]s-%[2]s.tgz]}\n", name, t.cell.Istio, strings.Repeat("0", 64))
	}
	return charts("index.yaml", mirror.Always, mirror.Text(index.String()))(t)
}

// otherCharts makes a folder with a chart that is none of Istio's.
func otherCharts(t *trial) error {
	dir := filepath.Join(t.dir, "charts", "nginx")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "Chart.yaml"), []byte("apiVersion: v2\nname: nginx\nversion: 1.0.0\n"), 0o600); err != nil {
		return err
	}
	return with("CHARTS=" + filepath.Dir(dir))(t)
}
