package cli

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

// execute runs the command and returns what it printed.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	c := New()
	c.SilenceUsage, c.SilenceErrors = true, true
	c.SetArgs(args[1:])
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.ExecuteContext(t.Context())
	return out.String(), err
}

// Bad input is one line, ends with status 2, and sends nothing.
func TestLoadRefuses(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	missing := filepath.Join(t.TempDir(), "missing.pem")
	for _, c := range []struct {
		want string
		args []string
	}{
		{"give one URL", nil},
		{"give one URL", []string{server.URL, server.URL}},
		{"is not of the form http://host:port/path", []string{"127.0.0.1:80"}},
		{`protocol "http3" is not one of http1, h2, grpc`, []string{server.URL, "--protocol", "http3"}},
		{"a rate must be above 0", []string{server.URL, "--rate", "0"}},
		{"a rate must be above 0", []string{server.URL, "--steps", "100,0"}},
		{"the duration must be above 0", []string{server.URL, "--duration", "0s"}},
		{"connections must be 1 to 4096, not 0", []string{server.URL, "--connections", "0"}},
		{"workers must be 1 to the number of connections", []string{server.URL, "--workers", "9"}},
		{`--header "x" is not of the form`, []string{server.URL, "--header", "x"}},
		{"control character", []string{server.URL, "--host", "a\nb"}},
		{"--ca: ", []string{server.URL, "--ca", missing}},
		{"--cert and --key: ", []string{server.URL, "--cert", missing}},
		{"--baseline: ", []string{server.URL, "--baseline", "nowhere"}},
		{"--reference: ", []string{server.URL, "--baseline", server.URL, "--reference", "nowhere"}},
		{"--rules: ", []string{server.URL, "--baseline", server.URL, "--rules", missing}},
		{"3 rounds", []string{server.URL, "--baseline", server.URL, "--rounds", "3"}},
		{`kind "better" is neither ratio nor added`, []string{server.URL, "--baseline", server.URL, "--kind", "better"}},
		{"--stripe \"1\" is not of the form i/n", []string{server.URL, "--stripe", "1"}},
		{"stripe 2 of 2 does not exist", []string{server.URL, "--stripe", "2/2"}},
		{"--watch \"gateway\" is not of the form", []string{server.URL, "--watch", "gateway"}},
		{"no cgroup with a cpu.stat of container none-such (gateway)", []string{server.URL, "--watch", "gateway=none-such"}},
		{"--profile long: the rules have only beside, full, short", []string{server.URL, "--baseline", server.URL, "--profile", "long"}},
		{"exclude each other", []string{server.URL, "--find", "--steps", "1,2"}},
		{"invalid argument", []string{server.URL, "--rate", "many"}},
		{"8.8.8.8 is neither a loopback nor a private address", []string{"http://8.8.8.8/"}},
	} {
		_, err := execute(t, append([]string{"load"}, c.args...)...)
		if err == nil || exitcode.Of(err) != exitcode.Usage || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got status %d, %v; want %q", c.args, exitcode.Of(err), err, c.want)
		}
	}
	if requests.Load() != 0 {
		t.Errorf("%d requests were sent", requests.Load())
	}
}

func TestLoadEnvironment(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	if _, err := execute(t, "load", server.URL); exitcode.Of(err) != exitcode.Environment || !strings.Contains(err.Error(), "nothing listens at") {
		t.Errorf("got %v", err)
	}
}

// The exit status follows what was seen; the page is written in any case.
func TestLoadStatus(t *testing.T) {
	var status atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer server.Close()
	for _, c := range []struct {
		status   int64
		duration string
		want     int
		says     string
	}{
		// Too few answers for any quantile, whatever the machine does.
		{http.StatusOK, "100ms", exitcode.Invalid, "p50 needs 200 answers, there are 50"},
		{http.StatusServiceUnavailable, "100ms", exitcode.Invalid, "50 http 503"},
	} {
		status.Store(c.status)
		dir := t.TempDir()
		out, err := execute(t, "load", server.URL, "--rate", "500", "--duration", c.duration, "--warmup", "10ms", "--output", dir)
		if exitcode.Of(err) != c.want || !strings.Contains(out, c.says) {
			t.Errorf("status %d: got %d, %v\n%s", c.status, exitcode.Of(err), err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "report.html")); err != nil {
			t.Error(err)
		}
	}
}
