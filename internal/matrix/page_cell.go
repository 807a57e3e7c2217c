package matrix

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/report/html"
	"istio-conformance/internal/report/wording"
)

// pageCell is a cell with what the page adds to it.
type pageCell struct {
	*Outcome
	source string
}

// Anchor is the cell's place in the page.
func (c *pageCell) Anchor() string { return "cell-" + html.Anchor(c.ID()) }

// Name is what the cell tests, in words.
func (c *pageCell) Name() string {
	if c.RanOn != "" {
		return fmt.Sprintf("%s on Kubernetes %s (asked for %s)", c.Row(), c.RanOn, c.Kubernetes)
	}
	return c.Row() + " on Kubernetes " + c.Kubernetes
}

// Tone is the status' colour class.
func (c *pageCell) Tone() string { return tones[c.Shown()] }

// Mark is the status' sign.
func (c *pageCell) Mark() string { return signs[c.Tone()] }

// ChangeTone is the change's colour class.
func (c *pageCell) ChangeTone() string { return changeTones[c.Change] }

// Open reports whether the cell is shown unfolded: what failed is what readers come
// for, and the page has no script that could unfold what a link leads to.
func (c *pageCell) Open() bool { return c.Tone() == "fail" }

// SupportUnknown reports whether Istio's project says nothing of the pair.
func (c *pageCell) SupportUnknown() bool { return c.Standing == istio.Unknown }

// Held is how many checks held, of how many; empty where none was run.
func (c *pageCell) Held() string {
	if c.Checks == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", c.Checks-c.Failed, c.Checks)
}

// Time is how long the cell took; empty where it was not run.
func (c *pageCell) Time() string {
	if c.Seconds <= 0 {
		return ""
	}
	return wording.Duration(c.Seconds)
}

// Said is the reason, unless the failures below it say the same.
func (c *pageCell) Said() string {
	if c.Status == Fail && len(c.Failures) > 0 {
		return ""
	}
	return c.Reason
}

// Unexplained are failing checks of which only the name is known, as in reports
// that were written before the failures were kept.
func (c *pageCell) Unexplained() []string {
	return slices.DeleteFunc(slices.Clone(c.Failing), func(id string) bool {
		return slices.ContainsFunc(c.Failures, func(f Failure) bool { return f.Check == id })
	})
}

// IsNew reports whether a check fails that did not in the baseline.
func (c *pageCell) IsNew(check string) bool { return slices.Contains(c.NewlyFailing, check) }

// PageHref is the way to the cell's own page; empty where it has none.
func (c *pageCell) PageHref() string {
	if c.Report == "" {
		return ""
	}
	return href(path.Join(path.Dir(filepath.ToSlash(c.Report)), html.Name))
}

// FailureHref is the way to what the cell's own page says of a failed check.
func (c *pageCell) FailureHref(check string) string {
	if c.PageHref() == "" || !slices.Contains(c.Failing, check) {
		return c.PageHref()
	}
	return c.PageHref() + "#" + html.FailureAnchor(check)
}

// LogHref is the way to what the cell's process printed; empty where nothing was kept.
func (c *pageCell) LogHref() string { return href(filepath.ToSlash(c.Log)) }

// href is a way to a file below the matrix's directory, and to nothing else.
func href(file string) string {
	if file == "" || !filepath.IsLocal(file) {
		return ""
	}
	parts := strings.Split(path.Clean(file), "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return "./" + strings.Join(parts, "/")
}

// Rerun is the command that runs just this cell again; empty where it is not run.
func (c *pageCell) Rerun() string {
	if !c.Legal() {
		return ""
	}
	command := "make e2e ISTIO=" + c.Istio
	if c.From != "" {
		command = fmt.Sprintf("make upgrade FROM=%s TO=%s", c.From, c.Istio)
	}
	command += fmt.Sprintf(" KUBERNETES=%s IMAGES=%s", strings.TrimPrefix(c.Kubernetes, "v"), c.source)
	if c.From == "" && c.Status == Invalid {
		command += " REQUIRE=latency" // that is why it is invalid; an upgrade requires it anyway
	}
	return command
}
