package report

import (
	"testing"

	"istio-conformance/internal/exitcode"
)

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		verdict Verdict
		onError int
		want    int
	}{
		{VerdictPass, exitcode.Usage, 0},
		{VerdictFail, exitcode.Usage, 1},
		{VerdictInvalid, exitcode.Usage, 4},
		{VerdictInconclusive, exitcode.Usage, 4},
		{VerdictError, exitcode.Usage, 2},
		{VerdictError, exitcode.Environment, 3},
		{VerdictError, exitcode.Pass, 3},
		{VerdictError, exitcode.Fail, 3},
		{"", exitcode.Pass, 3},
	} {
		if got := tt.verdict.ExitStatus(tt.onError); got != tt.want {
			t.Errorf("%q.ExitStatus(%d) = %d, want %d", tt.verdict, tt.onError, got, tt.want)
		}
	}
}
