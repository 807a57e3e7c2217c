package options

import (
	"encoding/json"
	"flag"
	"strings"

	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/images/release"
	"istio-conformance/internal/stack"
)

// Schema returns the JSON schema of the configuration file, which editors and CI
// can hold one against.
func Schema() ([]byte, error) {
	o := Register(flag.NewFlagSet("schema", flag.ContinueOnError), func(string) string { return "" })
	properties := map[string]any{}
	for _, s := range o.settings {
		if s.flag == "config" {
			continue
		}
		f := o.flags.Lookup(s.flag)
		description, _, _ := strings.Cut(f.Usage, " ($")
		property := map[string]any{"description": description, "type": string(s.kind)}
		switch s.kind {
		case choice:
			property["type"] = "boolean"
			property["description"] = "keep the cluster for the next run"
		case times:
			property["additionalProperties"] = map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$`}
			known := map[string]any{}
			for _, w := range waits.Known {
				known[w.Name] = map[string]any{"type": "string", "description": w.Description}
			}
			property["properties"] = known
		case number:
			property["minimum"] = 0
		}
		if values, ok := enums[s.flag]; ok {
			property["enum"] = values
		}
		properties[s.flag] = property
	}
	content, err := json.MarshalIndent(map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "istio-conformance: the options of a run",
		"type":                 "object",
		"additionalProperties": false,
		"properties":           properties,
	}, "", "  ")
	return append(content, '\n'), err
}

// enums are the options with few values.
var enums = map[string][]string{
	"images": {"release", "modules", "archive"}, "cluster": {"kind", "existing"}, "format": {"text", "json"}, "install": {"helm", "skip"},
	"verify": {release.VerifyIfThere, release.VerifyRequired, release.VerifyOff}, "profile": {stack.ProfileDefault, stack.ProfileCNI, stack.ProfileAmbient}, "values": {stack.RecommendedValues, stack.ChartsValues, "both"}, "load": {"short", "full"},
	"helm":    {stack.Helm3, stack.Helm4},
	"require": {RequireLatency, RequireNone},
}
