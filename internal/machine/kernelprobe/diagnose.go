package kernelprobe

import (
	"cmp"
	"fmt"
	"strings"
)

// diagnose says what the failure of a requirement means for Istio.
func (j *judge) diagnose(r *Requirement, f *Finding) *Diagnosis {
	cause := fmt.Sprintf("kernel %s does not provide the function of %s: %s", j.facts.Release, r.Name, r.Purpose)
	if f.State != None {
		cause += fmt.Sprintf("; module %s is %s (%s)", r.Name, f.State, f.Evidence)
	}
	if len(f.Parts) > 0 {
		cause += "; without it these break: " + titles(f.Parts)
	}
	return &Diagnosis{Cause: cause, Message: r.Message, Fix: j.fix(r, f), Link: r.Link}
}

// fix says what to do, by what is known of the module.
func (j *judge) fix(r *Requirement, f *Finding) string {
	module := strings.Join(r.Modules, " ")
	var forbidden string
	for _, name := range r.names() {
		forbidden = cmp.Or(forbidden, j.facts.Forbidden[name])
	}
	switch {
	case r.Fix != "":
		return r.Fix
	case f.State == None:
		return "see what the probe answered, and mend what it names"
	case f.State == Loadable:
		return fmt.Sprintf("modprobe %s, and name it in a file in /etc/modules-load.d: istio-conformance kernel --fix", module)
	case forbidden != "":
		return fmt.Sprintf("take out the line %q, then modprobe %s", forbidden, module)
	case j.facts.Locked:
		return fmt.Sprintf("name %s in a file in /etc/modules-load.d and boot again: this kernel loads no more modules", module)
	case f.State == Missing && j.facts.LoadableSource.Err == nil:
		return fmt.Sprintf("install the kernel's other modules (Ubuntu: linux-modules-extra-%s, Fedora and RHEL: kernel-modules-extra), or boot a kernel with %s",
			j.facts.Release, strings.Join(r.Config, " or "))
	case f.State == Missing:
		return "boot a kernel with " + strings.Join(r.Config, " or ")
	}
	return fmt.Sprintf("the module is there and does not do its work: read the kernel's log (dmesg), and what the probe answered; modprobe %s", module)
}

func titles(parts []Part) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.Title()
	}
	return strings.Join(names, ", ")
}
