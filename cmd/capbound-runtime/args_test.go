package main

import (
	"strings"
	"testing"
)

func TestSpecOf(t *testing.T) {
	tests := []struct {
		line string
		want specFile
		ok   bool
	}{
		{"--root /run/runc --log /x/log.json --log-format json create --bundle /b --pid-file /b/init.pid id", specFile{path: "/b/config.json"}, true},
		{"--systemd-cgroup --root=/run/runc create -b /b id", specFile{path: "/b/config.json"}, true},
		{"run -bundle=/b id", specFile{path: "/b/config.json"}, true},
		{"create id", specFile{path: "config.json"}, true},
		{"create --bundle /a --bundle /b id", specFile{path: "/b/config.json"}, true},
		{"--log /x/create exec --process /tmp/p.json --detach id", specFile{path: "/tmp/p.json", process: true}, true},
		{"exec -p=/tmp/p.json id", specFile{path: "/tmp/p.json", process: true}, true},
		{"exec id ls", specFile{}, false},
		{"exec id -- ls -p /etc", specFile{}, false},
		{"exec -- id -p /etc", specFile{}, false},
		{"--root create state id", specFile{}, false},
		{"delete --force create", specFile{}, false},
		{"--version", specFile{}, false},
		{"--root", specFile{}, false},
		{"", specFile{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			got, ok := specOf(strings.Fields(tt.line))
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %+v, %t; want %+v, %t", got, ok, tt.want, tt.ok)
			}
		})
	}
}
