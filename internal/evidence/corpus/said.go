package corpus

import (
	"errors"
	"os"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/diagnose"
)

// errNoCluster is why nothing but a tool's output is looked at.
var errNoCluster = errors.New("this report is the output of a tool alone")

// Hear asks the catalogue about the output of a tool.
func Hear(said string) (_ *diagnose.Diagnosis, err error) {
	dir, err := os.MkdirTemp("", "istio-conformance-exam-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if _, err := evidence.OnlySaid(dir, said, errNoCluster); err != nil {
		return nil, err
	}
	catalogue, err := diagnose.Load()
	if err != nil {
		return nil, err
	}
	return catalogue.Diagnose(os.DirFS(dir))
}
