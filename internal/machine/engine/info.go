package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// infoTimeout is how long an engine may take to answer. A DOCKER_HOST that
// points to a silent address would otherwise hold the run for minutes.
const infoTimeout = 15 * time.Second

// Info is what an engine says of itself. Where the engine runs in a virtual
// machine, it describes that machine.
// Source: GET /info of the Docker Engine API.
type Info struct {
	// ServerVersion is the engine's version, such as "28.2.2".
	ServerVersion string
	// OperatingSystem is the name of the system that the engine runs on.
	OperatingSystem string
	// CgroupVersion is "1" or "2".
	CgroupVersion string
	// Driver is the storage driver, such as "overlay2".
	Driver string
	// DefaultRuntime is the OCI runtime of containers that name none.
	DefaultRuntime string
	// DockerRootDir is where the engine keeps images and containers.
	DockerRootDir string
	// NCPU is the number of CPUs that containers can use.
	NCPU int
	// MemTotal is the memory that containers can use, in bytes.
	MemTotal int64
}

// String returns what of it a reader of a report wants to know, in one line.
func (i Info) String() string {
	return fmt.Sprintf("%s on %s, cgroup v%s, storage %s in %s, OCI runtime %s",
		i.ServerVersion, i.OperatingSystem, i.CgroupVersion, i.Driver, i.DockerRootDir, i.DefaultRuntime)
}

// askInfo returns what the engine at host says of itself. The error is one line.
func askInfo(ctx context.Context, host string) (Info, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, infoTimeout, fmt.Errorf("no answer within %s", infoTimeout))
	defer cancel()
	// Not by package command: the reason of a failure is on standard error alone,
	// beside a long description of the client on standard output.
	cli := exec.CommandContext(ctx, "docker", "info", "--format", "{{json .}}")
	cli.Env = append(os.Environ(), (&Engine{Host: host}).Env()...)
	cli.WaitDelay = infoTimeout
	out, err := cli.Output()
	if ctx.Err() != nil {
		return Info{}, context.Cause(ctx)
	}
	return parseInfo(out, err)
}

// parseInfo reads the output of docker info. Without an engine, old clients list
// the errors in it and new ones print them on standard error.
func parseInfo(out []byte, runErr error) (Info, error) {
	var answer struct {
		Info
		ServerErrors []string
	}
	err := json.Unmarshal(out, &answer)
	var exit *exec.ExitError
	switch {
	case err == nil && len(answer.ServerErrors) > 0:
		return Info{}, errors.New(oneLine(answer.ServerErrors[0]))
	case errors.As(runErr, &exit) && len(exit.Stderr) > 0:
		return Info{}, errors.New(oneLine(string(exit.Stderr)))
	case runErr != nil:
		return Info{}, fmt.Errorf("docker info: %w", runErr)
	case err != nil:
		return Info{}, fmt.Errorf("docker info is not JSON: %w", err)
	case answer.ServerVersion == "":
		return Info{}, errors.New("docker info names no server version")
	}
	return answer.Info, nil
}

// oneLine joins the lines of a message.
func oneLine(message string) string {
	return strings.Join(strings.Fields(message), " ")
}
