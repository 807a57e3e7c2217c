package capture

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/redact"
)

// slimSecret makes a Secret its shape: for each key with certificates for whom, until
// when and with what kind of key. One without certificates is left out.
func slimSecret(o *Object, slimmed map[string]any) map[string]any {
	plain, _ := o.Body["stringData"].(map[string]any)
	encoded, _ := o.Body["data"].(map[string]any)
	values := map[string][]byte{}
	for key, value := range plain {
		if s, ok := value.(string); ok {
			values[key] = []byte(s)
		}
	}
	for key, value := range encoded {
		if s, ok := value.(string); ok {
			if decoded, err := base64.StdEncoding.DecodeString(s); err == nil {
				values[key] = decoded
			}
		}
	}
	certificates := map[string]any{}
	for key, value := range values {
		if found := evidence.Certificates(value); len(found) > 0 {
			certificates[key] = found
		}
	}
	if len(certificates) == 0 {
		return nil
	}
	keys := make([]any, 0, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		keys = append(keys, key)
	}
	slimmed["type"] = o.Body["type"]
	slimmed["keys"] = keys
	slimmed["certificates"] = certificates
	return slimmed
}

// secretName matches names whose values are taken for secrets.
var secretName = regexp.MustCompile(`(?i)(?:pass(?:word|wd|phrase)?|secret|token|credentials?|cookie|authorization|(?:api|access|private|session|signing|encryption|secret)[_-]?key|dockerconfigjson|[_-]auth)$`)

// plainName matches names of strings below such a name that only refer to something.
var plainName = regexp.MustCompile(`(?i)^(?:kind|group|key|type|regex|prefix|suffix|.*name|.*namespace|.*path|.*file|.*url|.*uri)$`)

// reference matches names that end like a secret's and only name one.
var reference = regexp.MustCompile(`(?i)^(?:.*credentialName|.*secretName|imagePullSecret|httpCookie)$`)

// assigned matches, in code, a string that is given to a variable or field with such a name.
var assigned = regexp.MustCompile(`(?i)([\w.\-\]\["']*(?:pass(?:word|wd|phrase)?|secret|token|credentials?|cookie|authorization|(?:api|access|private|session|signing|encryption)[_-]?key)["'\]]*\s*(?:==?|:|,)\s*)(?:"[^"\n]*"|'[^'\n]*')`)

// hide replaces what looks like a secret below a value, in place, and returns the value.
func hide(value any, name string, secret bool) any {
	secret = secret || secretName.MatchString(name) && !reference.MatchString(name)
	switch v := value.(type) {
	case map[string]any:
		hideNamed(v)
		for key, below := range v {
			v[key] = hide(below, key, secret)
		}
	case []any:
		for i, below := range v {
			v[i] = hide(below, name, secret)
		}
	case string:
		if secret && v != "" && !plainName.MatchString(name) {
			return redact.Value(len(v))
		}
		return hideText(name, v)
	}
	return value
}

// hideNamed hides the value of {name: PASSWORD, value: x}, of headers that are written
// as {key: x, value: y}, and the values of {key: request.headers[x], values: [y]}.
func hideNamed(table map[string]any) {
	for _, key := range []string{"name", "key"} {
		name, _ := table[key].(string)
		if !secretName.MatchString(strings.TrimSuffix(name, "]")) {
			continue
		}
		if value, ok := table["value"].(string); ok {
			table["value"] = redact.Value(len(value))
		}
		values, _ := table["values"].([]any)
		for i, value := range values {
			if s, ok := value.(string); ok {
				values[i] = redact.Value(len(s))
			}
		}
	}
}

// hideText removes secrets that stand inside a text: code, JSON, YAML, a URL.
func hideText(name, v string) string {
	if name == "jwks" {
		return hideKeySet(v)
	}
	v = assigned.ReplaceAllString(v, `${1}"<removed>"`)
	return redact.Text(v)
}

// hideKeySet keeps the public parts of a JSON web key set.
func hideKeySet(v string) string {
	var set map[string]any
	if err := json.Unmarshal([]byte(v), &set); err != nil {
		return redact.Value(len(v))
	}
	keys, _ := set["keys"].([]any)
	for _, key := range keys {
		k, _ := key.(map[string]any)
		for field := range k {
			// RFC 7518, section 6: these are private, or the whole of a symmetric key.
			if slices.Contains(strings.Fields("d p q dp dq qi oth k"), field) {
				delete(k, field)
			}
		}
	}
	public, err := json.Marshal(set)
	if err != nil {
		return redact.Value(len(v))
	}
	return string(public)
}
