package artifact

import "testing"

func TestKey(t *testing.T) {
	base := Key("ab", "c")
	if again := Key("ab", "c"); again != base {
		t.Errorf("the same parts gave %s and %s", base, again)
	}
	if len(base) != keyLength {
		t.Errorf("the key %s has %d digits, want %d", base, len(base), keyLength)
	}
	for name, parts := range map[string][]string{
		"other boundary": {"a", "bc"},
		"other order":    {"c", "ab"},
		"one part":       {"abc"},
		"empty part":     {"ab", "c", ""},
	} {
		if Key(parts...) == base {
			t.Errorf("%s: %q has the key of [ab c]", name, parts)
		}
	}
}

func TestIDIsTheDirectoryName(t *testing.T) {
	id := ID{Name: "kubernetes-1.36", Key: "0123456789ab"}
	if got := id.String(); got != "kubernetes-1.36-0123456789ab" {
		t.Errorf("got %s", got)
	}
}
