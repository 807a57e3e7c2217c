// Package stripes puts the measurements of several generators together that sent
// one schedule between them: each prints its part as short lines on its standard
// output, which is all that a pod needs, and the parts are merged without loss or
// the whole is invalid.
package stripes

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"istio-conformance/internal/traffic/openloop"
)

const (
	// prefix begins every line; the number is the format's.
	prefix = "LOADRESULT v1 "
	// chunk is how many bytes of base64 a line holds, far below the 16 KiB at which
	// container runtimes cut a line.
	chunk = 2 << 10
)

// Write prints a stripe's result: each line has the stripe, its own number and
// how many there are, the checksum of the whole, and a piece of it.
func Write(w io.Writer, r *openloop.Result) error {
	if len(r.Stripes) != 1 {
		return fmt.Errorf("a part is the result of one stripe, not of %d", len(r.Stripes))
	}
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode stripe %d: %w", r.Stripes[0].Index, err)
	}
	sum := sha256.Sum256(data)
	pieces := slices.Collect(slices.Chunk([]byte(base64.StdEncoding.EncodeToString(data)), chunk))
	out := bufio.NewWriter(w)
	for i, piece := range pieces {
		fmt.Fprintf(out, "%s%d/%d %d/%d %s %s\n", prefix, r.Stripes[0].Index, r.Stripes[0].Count, i+1, len(pieces), hex.EncodeToString(sum[:]), piece)
	}
	return out.Flush()
}

// Read finds a stripe's result in what its generator printed. It fails when a
// line is missing, doubled or damaged.
func Read(log []byte) (*openloop.Result, error) {
	var stripe openloop.Stripe
	var want string
	var encoded strings.Builder
	next, last := 1, 0
	scanner := bufio.NewScanner(bytes.NewReader(log))
	scanner.Buffer(nil, 4*chunk)
	for scanner.Scan() {
		_, line, found := strings.Cut(scanner.Text(), prefix)
		if !found {
			continue
		}
		var index, count, number, of int
		var sum, piece string
		if _, err := fmt.Sscanf(line, "%d/%d %d/%d %s %s", &index, &count, &number, &of, &sum, &piece); err != nil {
			return nil, fmt.Errorf("the line %.60q cannot be read: %w", line, err)
		}
		if number != next || last != 0 && (of != last || sum != want) {
			return nil, fmt.Errorf("line %d of %d comes where line %d was due", number, of, next)
		}
		stripe, want, last, next = openloop.Stripe{Index: index, Count: count}, sum, of, next+1
		encoded.WriteString(piece)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("read the result: %w", err)
	}
	if last == 0 || next != last+1 {
		return nil, fmt.Errorf("%d of %d lines of the result are there", next-1, last)
	}
	return decode(encoded.String(), want, stripe)
}

func decode(encoded, want string, stripe openloop.Stripe) (*openloop.Result, error) {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("decode the result: %w", err)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
		return nil, errors.New("the result's checksum is not the one that its generator printed")
	}
	r := &openloop.Result{Latencies: openloop.NewLatencies()}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("decode the result: %w", err)
	}
	if len(r.Stripes) != 1 || r.Stripes[0] != stripe {
		return nil, fmt.Errorf("the result of stripe %v says that it is of %v", stripe, r.Stripes)
	}
	return r, nil
}

// Merge puts the parts of one schedule together. parts holds what each generator
// printed, by its index; of is how many there are. The result is invalid, and
// says why, when a part is missing or cannot be read, for it may be just the slow
// one. Only when there is no part at all there is no result.
func Merge(parts map[int][]byte, of int, limits openloop.Limits) (*openloop.Result, error) {
	var whole *openloop.Result
	var lost []string
	for i := range of {
		log, found := parts[i]
		if !found {
			lost = append(lost, fmt.Sprintf("stripe %d of %d is missing", i, of))
			continue
		}
		part, err := Read(log)
		if err == nil && part.Stripes[0] != (openloop.Stripe{Index: i, Count: of}) {
			err = fmt.Errorf("it is stripe %v", part.Stripes[0])
		}
		if err == nil && whole != nil {
			err = whole.Merge(part)
		}
		if err != nil {
			lost = append(lost, fmt.Sprintf("stripe %d of %d: %v", i, of, err))
			continue
		}
		if whole == nil {
			whole = part
		}
	}
	if whole == nil {
		return nil, fmt.Errorf("no stripe has a result: %s", strings.Join(lost, "; "))
	}
	whole.Judge(&limits)
	if n := whole.Response.Count(); n != whole.Counts.OK {
		lost = append(lost, fmt.Sprintf("the histograms hold %d answers, there were %d", n, whole.Counts.OK))
	}
	whole.Invalid = append(lost, whole.Invalid...)
	return whole, nil
}
