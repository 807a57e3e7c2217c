package engine

import (
	"encoding/json"
	"fmt"
	"os"
)

// daemonConfig is the configuration of a private engine. All of it is in one
// file of its own, so that a /etc/docker/daemon.json for the system's engine can
// not contradict it.
// Source: dockerd(8), "daemon configuration file".
type daemonConfig struct {
	Hosts          []string                 `json:"hosts"`
	DataRoot       string                   `json:"data-root"`
	ExecRoot       string                   `json:"exec-root"`
	PIDFile        string                   `json:"pidfile"`
	Bridge         string                   `json:"bridge"`
	Runtimes       map[string]daemonRuntime `json:"runtimes,omitempty"`
	DefaultRuntime string                   `json:"default-runtime,omitempty"`
}

// daemonRuntime is an OCI runtime that the engine may use.
type daemonRuntime struct {
	Path string `json:"path"`
}

// daemonConfig returns the configuration of the layout's engine. With capbound,
// containers run by that OCI runtime.
func (l layout) daemonConfig(capbound bool) daemonConfig {
	config := daemonConfig{
		Hosts:    []string{l.host()},
		DataRoot: l.dataRoot(),
		ExecRoot: l.execRoot(),
		PIDFile:  l.pidFile(),
		// kind makes a network of its own. Without the default bridge there is no
		// docker0 to collide with another engine's or to be left behind.
		Bridge: "none",
	}
	if capbound {
		config.Runtimes = map[string]daemonRuntime{capboundName: {Path: l.capbound()}}
		config.DefaultRuntime = capboundName
	}
	return config
}

// write puts the configuration where the daemon is told to read it.
func (c daemonConfig) write(path string) error {
	content, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the engine's configuration: %w", err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("write the engine's configuration: %w", err)
	}
	return nil
}
