package istio

import "testing"

func TestParseVersion(t *testing.T) {
	cases := []struct {
		text string
		want Version
		ok   bool
	}{
		{"1.31", Version{1, 31, noPatch, ""}, true},
		{"v1.36", Version{1, 36, noPatch, ""}, true},
		{"1.31.0", Version{1, 31, 0, ""}, true},
		{"v1.36.3", Version{1, 36, 3, ""}, true},
		{"", Version{}, false},
		{"1", Version{}, false},
		{"latest", Version{}, false},
		{"1.31.0-rc.0", Version{1, 31, 0, "rc.0"}, true},
		{"1.32-alpha.0f3c", Version{1, 32, noPatch, "alpha.0f3c"}, true},
		{"1.31.0-", Version{}, false},
		{"1.31.0-.", Version{}, false},
		{"1.31.0+k3s1", Version{}, false},
		{"1.31.x", Version{}, false},
		{" 1.31", Version{}, false},
		{"1.31\n", Version{}, false},
		{"1.99999999999999999999", Version{}, false},
	}
	for _, c := range cases {
		got, err := ParseVersion(c.text)
		if (err == nil) != c.ok {
			t.Errorf("%q: error %v, want ok %t", c.text, err, c.ok)
		}
		if c.ok && got != c.want {
			t.Errorf("%q: got %v, want %v", c.text, got, c.want)
		}
	}
}

func TestVersionString(t *testing.T) {
	for text, want := range map[string]string{"v1.36": "1.36", "1.31.0": "1.31.0", "v1.32.0-rc.1": "1.32.0-rc.1", "1.32-alpha.0f3c": "1.32-alpha.0f3c"} {
		v, err := ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		if v.String() != want {
			t.Errorf("%q: got %q, want %q", text, v, want)
		}
	}
}

func TestCompare(t *testing.T) {
	order := []string{"1.30.10", "1.31.0-alpha.0", "1.31.0-beta.1", "1.31.0-rc.2", "1.31.0-rc.10", "1.31.0", "1.31.2", "1.31.10", "1.32-alpha.0f3c", "1.32.0-rc.1", "1.32.0"}
	for i := 1; i < len(order); i++ {
		if older, newer := version(order[i-1]), version(order[i]); Compare(older, newer) >= 0 || Compare(newer, older) <= 0 {
			t.Errorf("%s is not older than %s", older, newer)
		}
	}
}
