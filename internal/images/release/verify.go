package release

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"helm.sh/helm/v3/pkg/provenance"

	"istio-conformance/internal/images"
	"istio-conformance/internal/images/cosign"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
)

// Trust is what is checked of that which is fetched.
type Trust struct {
	// Verify is one of the values below; empty means VerifyIfThere.
	Verify string
	// Key is the path or the URL of the public key by which Istio's images are signed;
	// empty takes the one that Istio's project publishes.
	Key string
	// Keyring is the path of a PGP keyring for the charts' provenance; empty checks
	// none. Istio's project publishes no provenance for its charts.
	Keyring string
}

// The values of Trust.Verify. A signature that does not fit is never accepted but by
// VerifyOff.
const (
	// VerifyIfThere checks what is signed.
	VerifyIfThere = "if-there"
	// VerifyRequired refuses an image of Istio's without a signature, a node image that
	// is not named by its digest and, with a keyring, a chart without provenance.
	VerifyRequired = "required"
	// VerifyOff checks nothing.
	VerifyOff = "off"
)

// Check refuses other values, with status exitcode.Usage.
func (t Trust) Check() error {
	switch t.Verify {
	case "", VerifyIfThere, VerifyRequired, VerifyOff:
		return nil
	}
	return exitcode.Usagef("VERIFY=%s: want %s, %s or %s", t.Verify, VerifyIfThere, VerifyRequired, VerifyOff)
}

func (t Trust) required() bool { return t.Verify == VerifyRequired }

// verifyImages checks the signatures of Istio's images, and notes what came of it.
func (s *Source) verifyImages(ctx context.Context, set *images.Set, refs []string) error {
	if s.options.Trust.Verify == VerifyOff {
		return nil
	}
	if s.options.Trust.required() && !strings.Contains(set.Node, "@sha256:") {
		return exitcode.Environmentf("VERIFY=%s: node image %s is named by a tag, which may be moved: name its digest, NODE_IMAGE=<name>:<tag>@sha256:...", VerifyRequired, set.Node)
	}
	from := s.options.Trust.Key
	if from == "" && s.options.KeyOf != nil {
		from = s.options.KeyOf(set.Tag)
	}
	key, err := s.key(ctx, from)
	if err != nil {
		if s.options.Trust.required() {
			return exitcode.Environmentf("VERIFY=%s: %w", VerifyRequired, err)
		}
		set.Notes = append(set.Notes, "signatures of Istio's images were not checked: "+err.Error())
		return nil
	}
	signed, unsigned := []string{}, []string{}
	for _, ref := range refs {
		switch err := s.verifyImage(ctx, set.Digests[ref], key); {
		case err == nil:
			signed = append(signed, ref)
		case errors.Is(err, errNotAsked) && !s.options.Trust.required():
			unsigned = append(unsigned, fmt.Sprintf("%s (%v)", ref, err))
		case errors.Is(err, cosign.ErrUnsigned) && !s.options.Trust.required():
			unsigned = append(unsigned, ref)
		default:
			return exitcode.Environmentf("image %s: %w: it is not what Istio's project signed with %s; VERIFY=%s goes without", ref, err, from, VerifyOff)
		}
	}
	if len(signed) > 0 {
		set.Notes = append(set.Notes, fmt.Sprintf("signed with %s: %s", from, strings.Join(signed, ", ")))
	}
	if len(unsigned) > 0 {
		set.Notes = append(set.Notes, "without a signature that was checked: "+strings.Join(unsigned, ", "))
	}
	return nil
}

// errNotAsked says that a signature could not be looked for.
var errNotAsked = errors.New("its signature was not looked for")

// verifyImage checks one image, <repository>@<digest>.
func (s *Source) verifyImage(ctx context.Context, image string, key crypto.PublicKey) error {
	digest, err := name.NewDigest(image)
	if err != nil {
		return fmt.Errorf("%w: the engine does not say which digest it has in a registry", errNotAsked)
	}
	err = cosign.Verify(digest, key, s.remoteOptions(ctx)...)
	if err != nil && !errors.Is(err, cosign.ErrUnsigned) && fetch.Unanswered(err) {
		return fmt.Errorf("%w: registry %s: %s", errNotAsked, digest.Context().RegistryStr(), fetch.Reason(err))
	}
	return err
}

// key reads the public key.
func (s *Source) key(ctx context.Context, from string) (crypto.PublicKey, error) {
	if from == "" {
		return nil, errors.New("no public key is known for this version; VERIFY_KEY=<file or URL> names one")
	}
	var text []byte
	var err error
	if strings.Contains(from, "://") {
		text, err = fetch.New(s.options.Logf).Get(ctx, from)
		if err != nil {
			return nil, fmt.Errorf("the public key %s: %s; VERIFY_KEY=<file or URL> names another", from, fetch.Reason(err))
		}
	} else if text, err = os.ReadFile(from); err != nil {
		return nil, fmt.Errorf("the public key: %w; VERIFY_KEY=<file or URL>", err)
	}
	key, err := cosign.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("the public key %s: %w", from, err)
	}
	return key, nil
}

// verifyChart checks the provenance of a chart's package, if there is a keyring.
func (s *Source) verifyChart(path string) error {
	t := s.options.Trust
	if t.Keyring == "" || t.Verify == VerifyOff {
		return nil
	}
	chart := strings.TrimSuffix(filepath.Base(path), ".tgz")
	if _, err := os.Stat(path + ".prov"); err != nil {
		if t.required() {
			return exitcode.Environmentf("VERIFY=%s: chart %s of %s has no provenance", VerifyRequired, chart, s.options.Charts)
		}
		return nil
	}
	keys, err := provenance.NewFromKeyring(t.Keyring, "")
	if err != nil {
		return exitcode.Usagef("VERIFY_KEYRING=%s: %w", t.Keyring, err)
	}
	if _, err := keys.Verify(path, path+".prov"); err != nil {
		return exitcode.Environmentf("chart %s of %s: its provenance does not fit: %w; VERIFY=%s goes without", chart, s.options.Charts, err, VerifyOff)
	}
	return nil
}
