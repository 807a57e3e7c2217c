package release

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
)

// elseWhere says what else there is where no registry can be reached.
const elseWhere = "use IMAGES=modules or an archive"

// asked is what a registry says of an image.
type asked struct {
	ref, host string
	// digest is that of the manifest behind the tag.
	digest string
	err    error
}

// remoteOptions are how this process asks registries: with the credentials of docker
// login, a transient failure again within a bound, and shown.
func (s *Source) remoteOptions(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithTransport(fetch.Transport(s.options.Logf)),
		// The transport tries again; doing so twice would multiply.
		remote.WithRetryBackoff(remote.Backoff{Duration: time.Millisecond, Steps: 1}), remote.WithRetryStatusCodes(),
	}
}

// ask asks the registries for images, before the engine fetches hundreds of megabytes,
// and returns their digests. Asking for a manifest's head is not counted as a pull.
// Where one is missing, all that are missing are named.
func (s *Source) ask(ctx context.Context, refs []string) (map[string]string, error) {
	answers := make([]asked, len(refs))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, ref := range refs {
		group.Go(func() error {
			answers[i] = s.askOne(groupCtx, ref)
			return nil
		})
	}
	if err := group.Wait(); err != nil || ctx.Err() != nil {
		return nil, errors.Join(err, context.Cause(ctx))
	}
	digests := map[string]string{}
	for _, a := range answers {
		if a.digest != "" {
			digests[a.ref] = a.digest
		}
	}
	return digests, s.judge(ctx, answers)
}

func (s *Source) askOne(ctx context.Context, ref string) asked {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return asked{ref: ref, err: exitcode.Usagef("image %s: %w", ref, err)}
	}
	a := asked{ref: ref, host: parsed.Context().RegistryStr()}
	head, err := remote.Head(parsed, s.remoteOptions(ctx)...)
	if a.err = err; err == nil {
		a.digest = head.Digest.String()
	}
	return a
}

// judge turns answers into one line, or nil where the engine can go ahead.
func (s *Source) judge(ctx context.Context, answers []asked) error {
	var missing []string
	for _, a := range answers {
		if fetch.Status(a.err) == http.StatusNotFound {
			missing = append(missing, a.ref)
		}
	}
	if len(missing) > 0 {
		return exitcode.Environmentf("the registry has no %s; charts are from %s: choose a version that both have, or another HUB= or NODE_IMAGE=",
			strings.Join(missing, ", "), s.options.Charts)
	}
	i := slices.IndexFunc(answers, func(a asked) bool { return a.err != nil })
	if i < 0 {
		return nil
	}
	a := answers[i]
	switch status := fetch.Status(a.err); {
	case exitcode.Of(a.err) == exitcode.Usage:
		return a.err
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return exitcode.Environmentf("registry %s, image %s: %s: docker login %s; some registries also answer so for what they do not have", a.host, a.ref, fetch.Reason(a.err), a.host)
	case status == http.StatusTooManyRequests:
		return exitcode.Environmentf("registry %s, image %s: %s: wait, docker login %s raises the limit, or name a mirror by HUB=", a.host, a.ref, fetch.Reason(a.err), a.host)
	case status != 0:
		return exitcode.Environmentf("registry %s, image %s: %s", a.host, a.ref, fetch.Reason(a.err))
	case s.engineKnowsAnotherWay(ctx):
		s.options.Logf("registry %s: %s; the engine has a proxy or a mirror of its own and is asked", a.host, fetch.Reason(a.err))
		return nil
	}
	return exitcode.Environmentf("registry %s: %s; %s", a.host, fetch.Reason(a.err), elseWhere)
}

// engineKnowsAnotherWay says whether the engine may reach a registry that this process
// does not: by a proxy or by mirrors that are in its own configuration.
func (s *Source) engineKnowsAnotherWay(ctx context.Context) bool {
	out, err := s.options.Engine.CLI(ctx, "info", "--format", "{{.HTTPProxy}}{{.HTTPSProxy}}{{range .RegistryConfig.Mirrors}}{{.}}{{end}}")
	// An engine that has no such fields keeps its mirrors elsewhere, as podman does.
	return err != nil || strings.TrimSpace(out) != ""
}

// pullError is a failed pull in the engine's words.
type pullError struct {
	ref, words string
	err        error
}

func (e *pullError) Error() string { return fmt.Sprintf("pull %s: %s", e.ref, e.words) }

func (e *pullError) Unwrap() error { return e.err }

// lastWords is the last line of what the engine said.
func lastWords(err error) string {
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	return strings.TrimPrefix(last, "Error response from daemon: ")
}
