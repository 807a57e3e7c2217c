package openloop

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
)

func TestPathResolve(t *testing.T) {
	for _, c := range []struct {
		path                          Path
		address, authority, uri, name string
	}{
		{Path{URL: "http://127.0.0.1:30080", Protocol: HTTP1}, "127.0.0.1:30080", "127.0.0.1:30080", "/", ""},
		{Path{URL: "http://10.0.0.1/a?b", Host: "x.example", Protocol: HTTP2}, "10.0.0.1:80", "x.example", "/a?b", ""},
		{Path{URL: "https://127.0.0.1:30443/", Host: "x.example:443", Protocol: HTTP1}, "127.0.0.1:30443", "x.example:443", "/", "x.example"},
		{Path{URL: "https://[::1]/p.S/M", Protocol: GRPC, TLS: &tls.Config{ServerName: "y"}}, "[::1]:443", "[::1]", "/p.S/M", "y"},
	} {
		got, err := c.path.resolve(false)
		if err != nil {
			t.Errorf("%s: %v", c.path.URL, err)
			continue
		}
		if got.address != c.address || got.request.Authority != c.authority || got.request.Path != c.uri {
			t.Errorf("%s: %+v", c.path.URL, got)
		}
		if got.tls != nil && got.tls.ServerName != c.name || (got.tls == nil) != (c.name == "") {
			t.Errorf("%s: TLS %+v", c.path.URL, got.tls)
		}
	}
}

func TestPathResolveRefuses(t *testing.T) {
	for want, path := range map[string]Path{
		"is not of the form":           {URL: "127.0.0.1:80", Protocol: HTTP1},
		"is not of the form http":      {URL: "ftp://127.0.0.1/", Protocol: HTTP1},
		"protocol \"h3\" is not one":   {URL: "http://127.0.0.1/", Protocol: "h3"},
		"is not a gRPC method":         {URL: "http://127.0.0.1/", Protocol: GRPC},
		"control character":            {URL: "http://127.0.0.1/", Host: "a\r\nb", Protocol: HTTP1},
		"path old: \"\" is not of the": {Name: "old", Protocol: HTTP1},
	} {
		if _, err := path.resolve(false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", path, err, want)
		}
	}
}

func TestNearbyRefusesOthers(t *testing.T) {
	for address, allowed := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "10.1.2.3": true, "172.18.0.2": true, "192.168.1.1": true, "fd00::1": true,
		"8.8.8.8": false, "172.32.0.1": false, "169.254.169.254": false, "2001:4860:4860::8888": false, "0.0.0.0": false, "100.64.0.1": false,
	} {
		remote := &target{host: address, address: net.JoinHostPort(address, "80")}
		err := remote.nearby(t.Context(), false)
		var refused *RemoteTargetError
		if (err == nil) != allowed || err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: %v", address, err)
		}
		if err := remote.nearby(t.Context(), true); err != nil {
			t.Errorf("%s, permitted: %v", address, err)
		}
	}
}

func TestConfigCheck(t *testing.T) {
	good := func() Config {
		return Config{Path: Path{URL: "http://127.0.0.1/", Protocol: HTTP1}, Schedule: Schedule{Rate: 10, Duration: 1e9}, Connections: 1}
	}
	for name, change := range map[string]func(*Config){
		"no connections":   func(c *Config) { c.Connections = 0 },
		"many connections": func(c *Config) { c.Connections = 1e6 },
		"workers":          func(c *Config) { c.Workers = 2 },
		"streams":          func(c *Config) { c.Streams = -1 },
		"timeout":          func(c *Config) { c.Timeout = -1 },
		"stripe":           func(c *Config) { c.Stripe = Stripe{Index: 2, Count: 2} },
		"new h2":           func(c *Config) { c.NewConnections, c.Path.Protocol = true, HTTP2 },
		"rate":             func(c *Config) { c.Schedule.Rate = 0 },
	} {
		c := good()
		change(&c)
		if c.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
	c := good()
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}
