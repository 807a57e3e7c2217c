// Package conformance compiles the Gateway API's own conformance suite and the images that it
// needs.
package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/gobuild"
	"istio-conformance/internal/process/progress"
)

const (
	// pin is the module that holds the suite's version, relative to the project's root.
	pin = "images/gateway-api"
	// echoBasic is the server behind the suite's gateways, and program the suite with
	// this project's main function.
	echoBasic = "sigs.k8s.io/gateway-api/conformance/echo-basic"
	program   = "gateway-api"
	// echoAdvanced are the server and client in the suite's mesh, which are Istio's own.
	// Any version of Istio will do.
	advancedPin    = "images/istio/1.31"
	advancedServer = "istio.io/istio/pkg/test/echo/cmd/server"
	advancedClient = "istio.io/istio/pkg/test/echo/cmd/client"
)

// Suite is the Gateway API's own conformance suite, compiled.
type Suite struct {
	Description
	// suite is the directory with the program and echo-basic, and advanced that with
	// Istio's echo server and client.
	suite, advanced string
}

// Description is what the suite holds, as its program says: images/gateway-api.
type Description struct {
	// Version is that of the Gateway API, such as v1.6.3.
	Version  string
	Profiles []Profile
	Tests    []Test
	// Images are those that the suite's manifests name.
	Images []string
}

// Profile is a set of features that are tested together.
type Profile struct {
	Name           string
	Core, Extended []string
}

// Test is one of the suite's tests.
type Test struct {
	Name, Description string
	Features          []string
	// Parallel says that it begins when all others have ended.
	Parallel bool
	// Provisional says that the test itself is on trial.
	Provisional bool
}

// Compile compiles what the cache lacks of the suite and its images, and returns what it
// holds. root is the checkout.
func Compile(ctx context.Context, root, cacheDir string, logf progress.Logf) (_ *Suite, err error) {
	toolchain, err := gobuild.Toolchain(ctx)
	if err != nil {
		return nil, exitcode.Environmentf("the Gateway API's conformance suite is compiled here, whatever IMAGES is: %w", err)
	}
	store, err := artifact.Open(filepath.Join(cacheDir, "artifacts"), logf)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s := &Suite{}
	for _, p := range []struct {
		to     *string
		name   string
		module *gobuild.Module
	}{
		{&s.suite, "gateway-api", &gobuild.Module{Dir: filepath.Join(root, pin), Packages: []string{".", echoBasic}}},
		{&s.advanced, "gateway-api-echo", &gobuild.Module{Dir: filepath.Join(root, advancedPin), Packages: []string{advancedServer, advancedClient}}},
	} {
		key, err := p.module.Key(toolchain)
		if err != nil {
			return nil, err
		}
		id := artifact.ID{Name: p.name, Key: key}
		if !store.Has(id) {
			logf("compiling the Gateway API's conformance suite: %s", p.name)
		}
		*p.to, err = store.Ensure(ctx, id, func(ctx context.Context, dir string) error { return p.module.Build(ctx, dir, nil) })
		if err != nil {
			return nil, err
		}
	}
	return s, s.describe(ctx)
}

// describe asks the program what the suite holds.
func (s *Suite) describe(ctx context.Context) error {
	text, err := command.Output(ctx, s.programPath(), "-describe")
	if err == nil {
		err = json.Unmarshal([]byte(text), &s.Description)
	}
	if err != nil {
		return fmt.Errorf("ask the Gateway API's conformance suite what it holds: %w", err)
	}
	return nil
}

func (s *Suite) programPath() string { return filepath.Join(s.suite, program) }

// Has says whether a profile has all features of a test.
func (p Profile) Has(t Test) bool {
	return !slices.ContainsFunc(t.Features, func(f string) bool { return !slices.Contains(p.Core, f) && !slices.Contains(p.Extended, f) })
}
