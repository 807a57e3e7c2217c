package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// config is a bundle's config.json with fields that this program does not know,
// and a number that no float64 holds.
const config = `{
  "ociVersion": "1.0.2-dev", "futureField": {"a": [1, null]},
  "process": {
    "user": {"uid": 0}, "args": ["/sbin/init", "<&>"], "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 18446744073709551615}],
    "capabilities": {
      "bounding": ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"],
      "effective": ["CAP_SYS_RESOURCE"], "permitted": ["CAP_CHOWN", "CAP_SYS_RESOURCE"],
      "inheritable": [], "ambient": null, "future": ["CAP_SYS_RESOURCE", "CAP_OF_TOMORROW"]
    }
  },
  "linux": {"resources": {"memory": {"limit": 9007199254740993}}}
}`

const restrictedConfig = `{
  "ociVersion": "1.0.2-dev", "futureField": {"a": [1, null]},
  "process": {
    "user": {"uid": 0}, "args": ["/sbin/init", "<&>"], "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 18446744073709551615}],
    "capabilities": {
      "bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"],
      "effective": [], "permitted": ["CAP_CHOWN"],
      "inheritable": [], "ambient": null, "future": ["CAP_OF_TOMORROW"]
    }
  },
  "linux": {"resources": {"memory": {"limit": 9007199254740993}}}
}`

func TestRestrictConfig(t *testing.T) {
	path := writeSpec(t, config)
	if err := (specFile{path: path}).restrict([]string{"CAP_SYS_RESOURCE"}); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, path, restrictedConfig)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o640 {
		t.Errorf("mode is %v, want 0640 as before", info.Mode())
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 {
		t.Errorf("files left in the bundle: %v", left)
	}
}

func TestRestrictProcess(t *testing.T) {
	path := writeSpec(t, `{"terminal": true, "capabilities": {"bounding": ["CAP_SYS_RESOURCE", "CAP_KILL"]}}`)
	if err := (specFile{path: path, process: true}).restrict([]string{"CAP_SYS_RESOURCE"}); err != nil {
		t.Fatal(err)
	}
	sameJSON(t, path, `{"terminal": true, "capabilities": {"bounding": ["CAP_KILL"]}}`)
}

// A file without a missing capability keeps its bytes, and is not even replaced.
func TestRestrictLeavesAlone(t *testing.T) {
	for name, content := range map[string]string{
		"nothing missing": `{"process": {"capabilities": {"bounding": ["CAP_KILL"]}}}`,
		"no capabilities": `{"process": {"args": ["a"]}}`,
		"null":            `{"process": {"capabilities": null}}`,
		"no process":      `{"ociVersion": "1.0.2"}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := writeSpec(t, content)
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := (specFile{path: path}).restrict([]string{"CAP_SYS_RESOURCE"}); err != nil {
				t.Fatal(err)
			}
			after, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != content || !os.SameFile(before, after) {
				t.Errorf("the file was rewritten: %s", got)
			}
		})
	}
}

func TestRestrictErrors(t *testing.T) {
	for name, content := range map[string]string{
		"not JSON":                     `{"process":`,
		"process is no object":         `{"process": 7}`,
		"capabilities are no object":   `{"process": {"capabilities": ["CAP_KILL"]}}`,
		"a capability that is no text": `{"process": {"capabilities": {"bounding": [7]}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := writeSpec(t, content)
			err := (specFile{path: path}).restrict([]string{"CAP_SYS_RESOURCE"})
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v, want one that names %s", err, path)
			}
		})
	}
	missing := filepath.Join(t.TempDir(), "config.json")
	if err := (specFile{path: missing}).restrict(nil); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("error is %v, want one that names %s", err, missing)
	}
}

func writeSpec(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

// sameJSON compares a file with JSON, whatever the order of fields, to the last
// digit of each number.
func sameJSON(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if g, w := decode(t, string(got)), decode(t, want); !reflect.DeepEqual(g, w) {
		t.Errorf("got  %v\nwant %v", g, w)
	}
}

func decode(t *testing.T, text string) any {
	t.Helper()
	var value any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}
