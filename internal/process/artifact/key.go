// Package artifact keeps what is costly to build, each result in a directory
// named after the content it was built from, so that nothing is built twice
// and nothing stale is ever used.
package artifact

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// keyLength is how many hexadecimal digits of the hash a key shows: 48 bits
// are plenty to tell the few builds of one machine apart.
const keyLength = 12

// ID names one artifact: what it is and the content it is built from.
type ID struct {
	// Name groups the generations of one thing, "kubernetes-1.36".
	Name string
	// Key is the result of Key over everything that the content depends on.
	Key string
}

// String returns the artifact's directory name.
func (id ID) String() string { return id.Name + "-" + id.Key }

// Key returns a short hash of parts. Their boundaries count: ("ab", "c") and
// ("a", "bc") differ.
func Key(parts ...string) string {
	hash := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		hash.Write(length[:])
		hash.Write([]byte(part))
	}
	return hex.EncodeToString(hash.Sum(nil))[:keyLength]
}
