package exitcode

import (
	"errors"
	"fmt"
	"testing"
)

func TestOf(t *testing.T) {
	cases := []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, Pass},
		{"usage", Usagef("no such version %s", "1.99"), Usage},
		{"fail", Failf("2 requests failed"), Fail},
		{"invalid", Invalidf("too few answers"), Invalid},
		{"environment", Environmentf("no engine"), Environment},
		{"fail", Failf("a check failed"), Fail},
		{"invalid", Invalidf("cannot tell"), Invalid},
		{"wrapped", fmt.Errorf("resolve: %w", Usagef("no")), Usage},
		{"joined", errors.Join(errors.New("first"), Usagef("second")), Usage},
		{"uncoded", errors.New("whatever"), Environment},
	}
	for _, c := range cases {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}
