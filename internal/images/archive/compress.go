package archive

import (
	"compress/gzip"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"istio-conformance/internal/process/exitcode"
)

// nopCloser is a writer that has nothing to finish.
type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// compression tells the format of an archive from its name.
func compression(path string) (string, error) {
	for suffix, format := range map[string]string{".tar": "tar", ".tar.gz": "gzip", ".tgz": "gzip", ".tar.zst": "zstd"} {
		if strings.HasSuffix(path, suffix) {
			return format, nil
		}
	}
	return "", exitcode.Usagef("the archive %s needs a name that ends in .tar, .tar.gz, .tgz or .tar.zst", path)
}

// compressor wraps w; closing it does not close w.
func compressor(format string, w io.Writer) (io.WriteCloser, error) {
	switch format {
	case "gzip":
		return gzip.NewWriter(w), nil
	case "zstd":
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedDefault))
	}
	return nopCloser{w}, nil
}

// decompressor wraps r; closing it does not close r.
func decompressor(format string, r io.Reader) (io.ReadCloser, error) {
	switch format {
	case "gzip":
		return gzip.NewReader(r)
	case "zstd":
		d, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}
