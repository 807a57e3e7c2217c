package release

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/images"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
)

// pull fetches the references that the engine does not hold.
func (s *Source) pull(ctx context.Context, refs []string) error {
	var absent []string
	for _, ref := range refs {
		there, err := s.options.Engine.HasImage(ctx, ref)
		if err != nil {
			return err
		}
		if !there {
			absent = append(absent, ref)
		}
	}
	if len(absent) == 0 {
		return nil
	}
	digests, err := s.ask(ctx, absent)
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(pulls)
	for _, ref := range absent {
		group.Go(func() error { return s.pullOne(groupCtx, ref, digests[ref] != "") })
	}
	if err := group.Wait(); ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}

// pullOne has the engine fetch an image; seen says that this process has seen it in
// the registry. What was fetched and is not for this machine is removed again.
func (s *Source) pullOne(ctx context.Context, ref string, seen bool) error {
	started := time.Now()
	err := fetch.Again(ctx, s.options.Logf, "the engine", again, func() error {
		err := s.options.Engine.Pull(ctx, ref)
		if err == nil || ctx.Err() != nil {
			return err
		}
		return &pullError{ref, lastWords(err), err}
	})
	if err != nil {
		return explainPull(err, seen)
	}
	if err := s.checkArchitecture(ctx, ref); err != nil {
		_, removing := s.options.Engine.CLI(ctx, "image", "rm", ref)
		return errors.Join(err, removing)
	}
	s.options.Logf("pulled %s in %s", ref, time.Since(started).Round(time.Second))
	return nil
}

// final are words of engines for what the next attempt finds again.
var final = []string{"manifest unknown", "not found", "no matching manifest", "unauthorized", "denied", "authentication required", "no basic auth", "no space left", "invalid reference"}

func again(err error) bool { return !says(err, final...) }

func says(err error, words ...string) bool {
	var pull *pullError
	if !errors.As(err, &pull) {
		return true // interrupted
	}
	for _, word := range words {
		if strings.Contains(strings.ToLower(pull.words), word) {
			return true
		}
	}
	return false
}

// explainPull adds what to do to the engine's words.
func explainPull(err error, seen bool) error {
	var pull *pullError
	if !errors.As(err, &pull) {
		return err
	}
	switch {
	case says(err, "no matching manifest"):
		return exitcode.Environmentf("%w: it has no image for %s", pull, machine())
	case says(err, "toomanyrequests", "too many requests"):
		return exitcode.Environmentf("%w: wait, docker login raises the limit, or name a mirror by HUB=", pull)
	case says(err, "unexpected eof", "verification failed", "does not match", "size validation"):
		return exitcode.Environmentf("%w: the registry, or a proxy before it, delivers a broken image", pull)
	case says(err, "unauthorized", "denied", "authentication required", "no basic auth"):
		return exitcode.Environmentf("%w: docker login", pull)
	case seen && says(err, "dial tcp", "no such host", "timeout", "connection refused", "proxyconnect", "deadline exceeded"):
		return exitcode.Environmentf("%w: this process reaches the registry and the engine does not: give the engine the proxy too, https://docs.docker.com/engine/daemon/proxy/", pull)
	}
	return exitcode.Environmentf("%w; if no registry can be reached, %s", pull, elseWhere)
}

func machine() string { return "linux/" + runtime.GOARCH }

// checkArchitecture refuses an image that this machine cannot run.
func (s *Source) checkArchitecture(ctx context.Context, ref string) error {
	out, err := s.options.Engine.CLI(ctx, "image", "inspect", "--format", "{{.Architecture}}", ref)
	if err != nil {
		return fmt.Errorf("look at the image %s: %w", ref, err)
	}
	if of := strings.TrimSpace(out); of != runtime.GOARCH {
		return exitcode.Environmentf("image %s is for linux/%s, this machine is %s: name one that is, by HUB= or NODE_IMAGE=", ref, of, machine())
	}
	return nil
}

// identify notes which image each reference of the set is: by the digest in its
// registry, which is the same on every machine, or else by the engine's ID.
func (s *Source) identify(ctx context.Context, set *images.Set) error {
	for _, ref := range append([]string{set.Node}, set.Load...) {
		id, err := s.options.Engine.ImageID(ctx, ref)
		if err != nil {
			return err
		}
		set.Digests[ref] = id
		digest, err := s.repoDigest(ctx, ref)
		if err != nil {
			return err
		}
		if digest != "" {
			set.Digests[ref] = digest
		}
	}
	return nil
}

// repoDigest is <repository>@<digest>, as the engine pulled the image; empty where it
// was loaded or built.
func (s *Source) repoDigest(ctx context.Context, ref string) (string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", exitcode.Usagef("image %s: %w", ref, err)
	}
	if digest, ok := parsed.(name.Digest); ok {
		return digest.Name(), nil
	}
	out, err := s.options.Engine.CLI(ctx, "image", "inspect", "--format", `{{range .RepoDigests}}{{.}} {{end}}`, ref)
	if err != nil {
		return "", fmt.Errorf("identify the image %s: %w", ref, err)
	}
	for _, text := range strings.Fields(out) {
		if digest, err := name.NewDigest(text); err == nil && digest.Context() == parsed.Context() {
			return digest.Name(), nil
		}
	}
	return "", nil
}
