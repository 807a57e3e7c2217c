package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/diagnose"
	"istio-conformance/internal/process/exitcode"
)

// diagnoseCommand names what is wrong with a cluster, without running a check.
func diagnoseCommand() *cobra.Command {
	var look lookFlags
	var from string
	var asJSON, list bool
	var every time.Duration
	c := &cobra.Command{
		Use:   "diagnose",
		Short: "Name what is wrong with Istio in any cluster: cause, evidence and fix; only reads",
		Long: `Look at a cluster, or at a bundle of one, for the symptoms of the catalogue: what
users of Istio meet, each with its cause, the line that shows it, and what to do.
It never guesses: what fits no symptom is unknown, and the answer says what was
looked at. Nothing in the cluster is changed.
With --said a tool's output is judged too, without a kubeconfig alone.
Exit status: 0 nothing was found, 1 a fault was found or a tool reported an error
that no symptom explains, 2 bad flags, 3 the cluster does not answer, 4 nothing was
found but much could not be looked at.`,
		Example: `  istio-conformance diagnose
  istio-conformance diagnose --context staging --namespace shop
  istio-conformance diagnose --watch
  istio-conformance diagnose --from bundle.tar.gz --json
  helm upgrade istiod istio/istiod 2>&1 | istio-conformance diagnose --said -`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			catalogue, err := diagnose.Load()
			if err != nil {
				return err
			}
			if list {
				return catalogue.WriteList(c.OutOrStdout())
			}
			if err := watchNeeds(every, from, look.said, asJSON); err != nil {
				return err
			}
			ask := func() (*diagnose.Diagnosis, error) { return diagnoseFrom(c, catalogue, &look, from) }
			if every > 0 {
				found, err := watch(c.Context(), c.OutOrStdout(), every, ask)
				if err != nil {
					return err
				}
				return found.Err()
			}
			found, err := ask()
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(c.OutOrStdout())
				encoder.SetIndent("", "  ")
				err = encoder.Encode(found.Report())
			} else {
				err = found.WriteText(c.OutOrStdout())
			}
			return errors.Join(err, found.Err())
		},
	}
	look.register(c)
	c.Flags().StringVar(&from, "from", "", "look at a bundle, or at a folder of evidence, instead of a cluster")
	c.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	c.Flags().DurationVar(&every, "watch", 0, "look again after so long, and write what is new and what is gone, until Ctrl-C")
	c.Flags().Lookup("watch").NoOptDefVal = "30s"
	c.Flags().BoolVar(&list, "list", false, "list the symptoms that are known")
	return c
}

// diagnoseFrom asks the catalogue about a bundle or a cluster.
func diagnoseFrom(c *cobra.Command, catalogue *diagnose.Catalogue, look *lookFlags, from string) (found *diagnose.Diagnosis, err error) {
	var files fs.FS
	if from != "" {
		if files, err = evidence.Open(from); err != nil {
			return nil, exitcode.Usagef("--from: %w", err)
		}
		if found, err = catalogue.Diagnose(files); err != nil {
			return nil, exitcode.Usagef("--from %s: %w", from, err)
		}
		return found, nil
	}
	dir, _, remove, err := look.collect(c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	return catalogue.Diagnose(os.DirFS(dir))
}
