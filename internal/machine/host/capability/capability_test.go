package capability

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	tests := map[string]struct {
		status, last string
		want         []string
		err          string
	}{
		"all":                      {"Name:\tx\nCapBnd:\t000001ffffffffff\n", "40\n", nil, ""},
		"without CAP_SYS_RESOURCE": {"CapEff:\t0\nCapBnd:\t000001fffeffffff\n", "40\n", []string{"CAP_SYS_RESOURCE"}, ""},
		"first and last":           {"CapBnd:\t000000fffffffffe\n", "40\n", []string{"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"}, ""},
		"old kernel":               {"CapBnd:\t0000001fffffffff\n", "36\n", nil, ""},
		"newer kernel":             {"CapBnd:\t000001ffffffffff\n", "45\n", nil, ""},
		"no field":                 {"CapEff:\t000001ffffffffff\n", "40\n", nil, "CapBnd"},
		"no number":                {"CapBnd:\tmany\n", "40\n", nil, "CapBnd"},
		"no last":                  {"CapBnd:\t000001ffffffffff\n", "", nil, "last capability"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			proc := t.TempDir()
			write(t, filepath.Join(proc, "self", "status"), tt.status)
			write(t, filepath.Join(proc, "sys", "kernel", "cap_last_cap"), tt.last)
			got, err := Missing(proc)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Fatalf("error is %v, want %q", err, tt.err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if _, err := Missing(t.TempDir()); err == nil {
		t.Error("no error without a proc file system")
	}
}

// A few numbers as the kernel's header has them.
func TestNames(t *testing.T) {
	for number, name := range map[int]string{0: "CAP_CHOWN", 12: "CAP_NET_ADMIN", 21: "CAP_SYS_ADMIN", 24: "CAP_SYS_RESOURCE", 37: "CAP_AUDIT_READ", 40: "CAP_CHECKPOINT_RESTORE"} {
		if names[number] != name {
			t.Errorf("capability %d is %s, want %s", number, names[number], name)
		}
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
