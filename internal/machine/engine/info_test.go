package engine

import (
	"os/exec"
	"strings"
	"testing"
)

func TestParseInfo(t *testing.T) {
	failed := &exec.ExitError{Stderr: []byte("WARNING: no configuration\nCannot connect to the Docker daemon at unix:///x.\nIs it running?\n")}
	tests := map[string]struct {
		out    string
		runErr error
		want   Info
		err    string
	}{
		"answer": {
			`{"ID":"x","ServerVersion":"20.10.24","CgroupVersion":"1","Driver":"overlay2","NCPU":2,"MemTotal":25276502016,"DockerRootDir":"/d","ServerErrors":null}`, nil,
			Info{ServerVersion: "20.10.24", CgroupVersion: "1", Driver: "overlay2", NCPU: 2, MemTotal: 25276502016, DockerRootDir: "/d"}, ""},
		"no engine, old client":     {`{"ServerErrors":["Cannot connect.\nIs it running?"]}`, failed, Info{}, "Cannot connect. Is it running?"},
		"no engine, new client":     {`{"ServerVersion":"","ClientInfo":{}}`, failed, Info{}, "no configuration Cannot connect to the Docker daemon at unix:///x. Is it running?"},
		"no docker command":         {"", exec.ErrNotFound, Info{}, "docker info: executable file not found"},
		"an error without a status": {`{"ServerErrors":["permission denied"]}`, nil, Info{}, "permission denied"},
		"not JSON":                  {"podman", nil, Info{}, "not JSON"},
		"another engine":            {`{"host":{"os":"linux"}}`, nil, Info{}, "no server version"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseInfo([]byte(tt.out), tt.runErr)
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("error is %q, want one line with %q", err, tt.err)
			}
		})
	}
}
