package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// planCommand explains an upgrade without making it.
func planCommand() *cobra.Command {
	var kubernetes, method string
	command := &cobra.Command{
		Use:   "plan FROM TO | FROM..TO | A B C ...",
		Short: "Say whether Istio may go from one version to another, by which steps, and why",
		Long: `Judge a step, or every step of a path, by the rules of fixtures/versions.yaml. Nothing is
changed and no cluster is asked.

  FROM TO     one step; when it is refused, the path that is not
  FROM..TO    every step on the way
  A B C ...   exactly these steps

Ends with status 0 when every step is supported or tested, 1 when one is refused, 4 when
the table does not know one of the versions.`,
		Example: `  istio-conformance plan 1.30 1.31 --kubernetes 1.36
  istio-conformance plan 1.23..1.31
  istio-conformance plan 1.29 1.31 --method canary`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exitcode.Usagef("%s: name two versions, or a range such as 1.28..1.31", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			table, err := istio.Load()
			if err != nil {
				return err
			}
			p := planner{table: table, out: c.OutOrStdout(), method: istio.Method(method)}
			return p.run(args, kubernetes)
		},
	}
	command.Flags().StringVar(&kubernetes, "kubernetes", "", "version of the cluster, such as 1.36; default: what both versions can run on is named")
	command.Flags().StringVar(&method, "method", string(istio.InPlace), "in-place, or canary by revisions")
	return command
}

// planner prints rulings.
type planner struct {
	table  *istio.Table
	out    io.Writer
	method istio.Method
}

func (p *planner) run(args []string, kubernetes string) error {
	if p.method != istio.InPlace && p.method != istio.Canary {
		return exitcode.Usagef("method %q: want %s or %s", p.method, istio.InPlace, istio.Canary)
	}
	var on *istio.Version
	if kubernetes != "" {
		v, err := istio.ParseVersion(kubernetes)
		if err != nil {
			return exitcode.Usagef("--kubernetes: %w", err)
		}
		on = &v
	}
	moves, err := p.table.ParsePath(args, p.method, on)
	if err != nil {
		return err
	}
	refused, unknown := p.print(moves)
	if len(moves) == 1 && refused == 1 {
		p.suggest(moves[0])
	}
	if refused > 0 {
		return exitcode.Failf("%d of %d steps refused", refused, len(moves))
	}
	if unknown > 0 {
		return exitcode.Invalidf("the support of %d of %d steps is unknown", unknown, len(moves))
	}
	return nil
}

// print shows the moves and returns how many are refused, and of how many nobody knows.
func (p *planner) print(moves []istio.Move) (refused, unknown int) {
	for _, m := range moves {
		r := p.table.Judge(m)
		switch r.Standing {
		case istio.Refused:
			refused++
		case istio.Unknown:
			unknown++
		}
		fmt.Fprintf(p.out, "%s: %s\n", m, r.Standing)
		for _, reason := range r.Reasons {
			fmt.Fprintf(p.out, "  %-9s %s\n            (%s)\n", reason.Standing, reason.Text, reason.Source)
		}
		for _, b := range r.Met {
			fmt.Fprintf(p.out, "  %-9s %s: %s\n", b.Kind, b.Name, b.Text)
			for _, command := range b.Do {
				fmt.Fprintf(p.out, "            $ %s\n", command)
			}
		}
		fmt.Fprintf(p.out, "  order     %s\n", strings.Join(istio.Order(m.Back()), ", "))
	}
	return refused, unknown
}

// suggest shows what can be done instead of a step that is refused.
func (p *planner) suggest(refused istio.Move) {
	for _, method := range istio.Methods {
		moves := p.table.Path(refused.From, refused.To, method, refused.Kubernetes)
		var steps []string
		for _, m := range moves {
			if r := p.table.Judge(m); r.Standing == istio.Refused {
				steps = nil
				break
			}
			steps = append(steps, m.To.String())
		}
		if steps != nil {
			fmt.Fprintf(p.out, "instead, %s: %s -> %s\n", method, refused.From, strings.Join(steps, " -> "))
		}
	}
}
