package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
)

// resolve finds the full versions of both ends of the step.
func (f *rehearseFlags) resolve(ctx context.Context, mesh *capture.Mesh, name string, resolveFrom func(ctx context.Context, from string) (*stack.Builder, error)) (*stack.Builder, error) {
	from := f.from
	if from == "" {
		switch len(mesh.Index.Istio) {
		case 0:
			return nil, exitcode.Usagef("capture %s: no version of Istio is in it; say which the mesh has: --from 1.30", name)
		case 1:
			from = mesh.Index.Istio[0]
		default:
			return nil, exitcode.Usagef("capture %s: it has control planes of Istio %s; say which is upgraded: --from %s", name, strings.Join(mesh.Index.Istio, " and "), mesh.Index.Istio[0])
		}
	}
	s, err := resolveFrom(ctx, from)
	if version, parseErr := istio.ParseVersion(from); err != nil && parseErr == nil && version.Full() && f.from == "" {
		// The source may have another patch: the nearest that there is, said.
		if nearest, minorErr := resolveFrom(ctx, version.MinorOf().String()); minorErr == nil {
			fmt.Fprintf(os.Stderr, "‼ the mesh has Istio %s, which is not to be had here: %s stands for it\n", from, nearest.FromCell.Istio)
			return nearest, nil
		}
	}
	return s, err
}

func (f *rehearseFlags) resolveFrom(ctx context.Context, from string) (*stack.Builder, error) {
	given := map[string]string{"UPGRADE": "1", "FORCE": "1", "FROM": from, "TO": f.to, "IMAGES": f.source, "CHARTS": f.chartsOf}
	flags := flag.NewFlagSet("rehearse", flag.ContinueOnError)
	o := options.Register(flags, func(variable string) string {
		if value, ok := given[variable]; ok {
			return value
		}
		if slices.Contains([]string{"ISTIO_CONFORMANCE_CACHE", "HOME", "XDG_CACHE_HOME"}, variable) {
			return os.Getenv(variable)
		}
		return "" // what is tested and how is said by the flags of this command alone
	})
	return resolve(ctx, o)
}

func versionsOf(s *stack.Builder) (from, to istio.Version, err error) {
	if from, err = istio.ParseVersion(s.FromCell.Istio); err != nil {
		return from, to, err
	}
	if to, err = istio.ParseVersion(s.Cell.Istio); err != nil {
		return from, to, err
	}
	if istio.Compare(to, from) < 0 {
		return from, to, exitcode.Usagef("--to %s is older than --from %s: a rehearsal goes forward; exchange the two to see what the way back changes", to, from)
	}
	return from, to, nil
}
