// Package kernelprobe says whether a kernel can carry Istio: what Istio needs of it,
// which of that is there and by what evidence, which part of Istio breaks without
// the rest, and how to mend it.
package kernelprobe

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
)

// tableFile is the table of requirements below fixtures/.
const tableFile = "kernel.yaml"

// Backend is one of the two ways in which iptables writes its rules.
type Backend string

// The backends. Istio prefers NFT when it works.
const (
	Legacy Backend = "legacy"
	NFT    Backend = "nft"
)

// Requirement is something that Istio needs of a kernel.
type Requirement struct {
	// Name is the kernel module, or what is tried when it is more than one.
	Name string `json:"name"`
	// Boot says that an operator's modules-load.d file names the module.
	Boot bool `json:"boot,omitempty"`
	// Modules are the modules' names today, Formerly what older kernels called
	// them: one of all these is enough.
	Modules  []string `json:"modules,omitempty"`
	Formerly []string `json:"formerly,omitempty"`
	// Config are the build options, one of which brings the module: y builds it in,
	// m makes it loadable. Source: the Kconfig files and makefiles of Linux.
	Config []string `json:"config,omitempty"`
	// Parts are the parts of a deployment that break without it.
	Parts []Part `json:"parts"`
	// Backend is the backend of iptables that alone needs it; empty for both. What
	// an idle backend lacks breaks nothing.
	Backend Backend `json:"backend,omitempty"`
	// IPv6 says that only pods with an IPv6 address need it.
	IPv6 bool `json:"ipv6,omitempty"`
	// Needs names the requirements without which this one cannot be judged.
	Needs []string `json:"needs,omitempty"`
	// Probes are the functional probes that must all work; of Any one is enough.
	// "iptables/x" and "ip6tables/x" stand for the probe x of the backend that Istio
	// would choose.
	Probes []string `json:"probes,omitempty"`
	Any    []string `json:"any,omitempty"`
	// Shared marks a module that is used only by other modules: when its probes fail
	// it is to blame only if the kernel is known not to have it.
	Shared bool `json:"shared,omitempty"`
	// Purpose says what it is for.
	Purpose string `json:"purpose"`
	// Message is what a user meets where it is missing.
	Message string `json:"message"`
	// Source says who asks for it; see the head of fixtures/kernel.yaml.
	Source string `json:"source"`
	// Fix says what to do when that does not follow from the module.
	Fix string `json:"fix,omitempty"`
	// Link leads to the documentation or to a report of Message.
	Link string `json:"link"`
}

// names are all the names that the module may have.
func (r *Requirement) names() []string { return slices.Concat(r.Modules, r.Formerly) }

// Requirements returns the table of fixtures/kernel.yaml.
func Requirements() ([]Requirement, error) {
	data, err := fixtures.Files.ReadFile(tableFile)
	if err != nil {
		return nil, fmt.Errorf("table of kernel requirements: %w", err)
	}
	return parseRequirements(data)
}

// parseRequirements reads a table and refuses one that would be judged wrongly.
func parseRequirements(data []byte) ([]Requirement, error) {
	var table struct {
		Requirements []Requirement `json:"requirements"`
	}
	if err := yaml.UnmarshalStrict(data, &table); err != nil {
		return nil, fmt.Errorf("%s: %w", tableFile, err)
	}
	known := map[string]bool{}
	for _, r := range table.Requirements {
		if r.Name == "" || known[r.Name] {
			return nil, fmt.Errorf("%s: requirement %q: a name must be there, and only once", tableFile, r.Name)
		}
		known[r.Name] = true
	}
	for i := range table.Requirements {
		if err := table.Requirements[i].check(known); err != nil {
			return nil, fmt.Errorf("%s: requirement %s: %w", tableFile, table.Requirements[i].Name, err)
		}
	}
	return table.Requirements, nil
}

func (r *Requirement) check(known map[string]bool) error {
	for _, need := range r.Needs {
		if !known[need] || need == r.Name {
			return fmt.Errorf("need %q is no other requirement", need)
		}
	}
	for _, part := range r.Parts {
		if !slices.Contains(AllParts(), part) {
			return fmt.Errorf("part %q is unknown; want one of %s", part, join(AllParts()))
		}
	}
	if (len(r.Probes) == 0) == (len(r.Any) == 0) {
		return errors.New("want probes that must all work, or any of which one is enough")
	}
	for _, text := range []string{r.Purpose, r.Message, r.Source, r.Link} {
		if strings.TrimSpace(text) == "" {
			return errors.New("purpose, message, source and link must not be empty")
		}
	}
	return nil
}

// BootModules are the modules of an operator's modules-load.d file, in its order.
func BootModules(table []Requirement) []string {
	var modules []string
	for _, r := range table {
		if r.Boot {
			modules = append(modules, r.Modules...)
		}
	}
	return modules
}
