package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ImageLabel marks the images that this project made. Its value says which part
// of the project made the image, such as "node".
const ImageLabel = "istio-conformance.image"

// Prune removes the images that carry ImageLabel and are not in keep, given as
// references or ids, so that what every version under test leaves does not fill
// the disk. An image that a container uses stays. Other images are not touched.
func (e *Engine) Prune(ctx context.Context, keep []string) error {
	listed, err := e.CLI(ctx, "image", "ls", "--all", "--no-trunc", "--filter", "label="+ImageLabel, "--format", "{{.ID}} {{.Repository}}:{{.Tag}}")
	if err != nil {
		return fmt.Errorf("list the images with label %s: %w", ImageLabel, err)
	}
	var errs []error
	for _, name := range prunable(listed, keep) {
		if _, err := e.CLI(ctx, "image", "rm", name); err != nil && !inUse(err) {
			errs = append(errs, fmt.Errorf("remove image %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// inUse says whether an image could not be removed because of a container or of
// another image. The words are the engine's: by name "container x is using its
// referenced image", by id "image is being used by stopped container x".
func inUse(err error) bool {
	return slices.ContainsFunc([]string{"is using its referenced image", "image is being used", "has dependent child images"},
		func(words string) bool { return strings.Contains(err.Error(), words) })
}

// prunable returns what to remove of a list of lines "id reference": references,
// and the ids of images without one.
func prunable(listed string, keep []string) []string {
	var names []string
	for line := range strings.Lines(listed) {
		id, ref, _ := strings.Cut(strings.TrimSpace(line), " ")
		if id == "" || slices.Contains(keep, id) || slices.ContainsFunc(keep, func(k string) bool { return sameImage(k, ref) }) {
			continue
		}
		if strings.Contains(ref, "<none>") {
			ref = id
		}
		names = append(names, ref)
	}
	return names
}

// sameImage compares a reference as a user writes it with one as docker lists it:
// without the default registry, and always with a tag.
func sameImage(ref, listed string) bool {
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "docker.io/"), "library/")
	if !strings.Contains(ref[strings.LastIndex(ref, "/")+1:], ":") {
		ref += ":latest"
	}
	return ref == listed
}
