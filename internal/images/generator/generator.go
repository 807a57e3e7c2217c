// Package generator puts the load generator into an image, for measurements from
// pods.
package generator

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/images/oci"
)

// binary is the program's name in the image.
const binary = "load-generator"

// user is who the program runs as.
const user = "65532:65532"

// Archive writes the image of a static program to a file in dir, as `docker save`
// would, and returns the file and the image's reference, whose tag is the
// program's checksum.
func Archive(program, dir string) (path, reference string, err error) {
	sum, err := checksum(program)
	if err != nil {
		return "", "", fmt.Errorf("image of the load generator: %w", err)
	}
	var tree oci.Tree
	if err := tree.File(binary, 0o755, program); err != nil {
		return "", "", err
	}
	layer, err := tree.Layer(filepath.Join(dir, binary+"-layer.tar"))
	if err != nil {
		return "", "", err
	}
	image, err := oci.Image(v1.Config{Entrypoint: []string{"/" + binary}, User: user}, layer)
	if err != nil {
		return "", "", err
	}
	reference, path = backend.Hub+"/"+binary+":"+sum, filepath.Join(dir, binary+".tar")
	file, err := os.Create(path)
	if err != nil {
		return "", "", fmt.Errorf("image of the load generator: %w", err)
	}
	buffered := bufio.NewWriter(file)
	err = errors.Join(oci.Archive{reference: image}.Write(buffered), buffered.Flush(), file.Close())
	return path, reference, err
}

// checksum returns the first half of the file's SHA-256, which is enough for a tag.
func checksum(path string) (_ string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)[:16]), nil
}
