package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// runtimeBase holds one directory for each private engine. It is short, since
// the path of a unix socket has at most 107 characters, and below /run, so that
// nothing of it outlives a reboot.
const runtimeBase = "/run/istio-conformance"

// layout is where a private engine keeps its files. There is one engine for each
// cache directory.
type layout struct {
	// data holds what is kept between runs: images, the log, the OCI runtime.
	data string
	// runtime holds what ends with the engine: socket, pid file, configuration.
	runtime string
}

// layoutOf returns the layout of the private engine of a cache directory.
func layoutOf(cacheDir string) layout {
	sum := sha256.Sum256([]byte(cacheDir))
	return layout{
		data:    filepath.Join(cacheDir, "engine"),
		runtime: filepath.Join(runtimeBase, hex.EncodeToString(sum[:4])),
	}
}

func (l layout) socket() string      { return filepath.Join(l.runtime, "docker.sock") }
func (l layout) pidFile() string     { return filepath.Join(l.runtime, "docker.pid") }
func (l layout) config() string      { return filepath.Join(l.runtime, "daemon.json") }
func (l layout) before() string      { return filepath.Join(l.runtime, "before.json") }
func (l layout) execRoot() string    { return filepath.Join(l.runtime, "exec") }
func (l layout) dataRoot() string    { return filepath.Join(l.data, "docker") }
func (l layout) log() string         { return filepath.Join(l.data, "dockerd.log") }
func (l layout) lock() string        { return filepath.Join(l.data, "lock") }
func (l layout) users() string       { return filepath.Join(l.data, "users") }
func (l layout) modulesMade() string { return filepath.Join(l.data, "modules-dir") }
func (l layout) podmanConf() string  { return filepath.Join(l.data, "podman.conf") }
func (l layout) capbound() string    { return filepath.Join(l.data, "capbound-runtime") }

// host is the value of DOCKER_HOST that reaches the engine.
func (l layout) host() string { return "unix://" + l.socket() }
