// Package redact takes what is secret out of evidence before it is written
// anywhere: what a reader needs stays, with a note of how much was removed.
package redact

import (
	"bytes"
	"fmt"
	"regexp"
)

// removed stands where something secret was.
const removed = "<removed>"

// rule replaces what its pattern finds; the replacement may refer to groups.
type rule struct {
	// hints are in lower case: a text with none of them has no match.
	hints []string
	// whole says that a match may span lines; else only the lines that have a hint
	// are searched, which makes large dumps cheap.
	whole   bool
	pattern *regexp.Regexp
	with    string
}

// secretKey is the end of a key's name whose value is secret. A key that only
// names where a secret is (secretName, credentialName, tokenPath) does not end so.
const secretKey = `(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|secret[_-]?access[_-]?key|private[_-]?key|client[_-]?secret|client-key-data|client-certificate-data|id-token|refresh-token|dockerconfigjson|dockercfg|auth|session[_-]?key)`

// keyHints are in every name that secretKey ends.
var keyHints = []string{"pass", "secret", "token", "key", "auth", "dockerc", "client-certificate"}

// rules are applied in this order to every text.
var rules = []rule{
	// Private keys in PEM, also with the line breaks escaped as JSON does.
	{[]string{"private key"}, true, regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`), removed},
	// The same in base64, as Secrets, kubeconfigs and Envoy's inline_bytes have it:
	// "-----BEGIN" is LS0tLS1CRUdJTi. A certificate is public and stays.
	{[]string{"ls0tls1crudjti"}, false, regexp.MustCompile(`LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJVkFUR|BFQyBQUklWQVRF|BFTkNSWVBURUQg|BPUEVOU1NI|BEU0Eg|BQ)[A-Za-z0-9+/=]*`), removed},
	// JSON web tokens: header and claims are base64 of text that begins with {".
	{[]string{"eyj"}, false, regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`), removed},
	// Credentials in headers: "Authorization: Bearer x", "authorization": "Basic x".
	{[]string{"authorization"}, false, regexp.MustCompile(`(?i)((?:proxy-)?authorization["']?\s*[:=]\s*\[?["']?\s*)(?:[A-Za-z][A-Za-z0-9-]*\s+)?[^\s"',\[\]<][^\s"',\]]*`), "${1}" + removed},
	{[]string{"bearer"}, false, regexp.MustCompile(`(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{12,}`), "${1}" + removed},
	{[]string{"cookie"}, false, regexp.MustCompile(`(?i)((?:set-)?cookie["']?\s*:\s*\[?["']?)[^\s"'\[\]<][^"'\n\]<]*`), "${1}" + removed},
	// Name and password in a URL.
	{[]string{"://"}, false, regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s:@"'<>]*:[^/\s@"'<>]+@`), "${1}" + removed + "@"},
	// Parameters of a URL that are credentials.
	{[]string{"="}, false, regexp.MustCompile(`(?i)([?&](?:access_token|id_token|token|api_key|apikey|key|password|secret|sig|signature|code)=)[^&\s"'<]+`), "${1}" + removed},
	// Keys of cloud providers and forges, wherever they stand.
	{[]string{"akia"}, false, regexp.MustCompile(`\bAKIA[0-9A-Z]{16}\b`), removed},
	{[]string{"gh"}, false, regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{30,}\b`), removed},
	// "FOO_PASSWORD: x", "clientSecret": "x", TOKEN=x. Objects and lists stay.
	{keyHints, false, regexp.MustCompile(`(?im)^(\s*(?:- )?["']?[\w.-]*` + secretKey + `["']?\s*[:=][ \t]*)(?:"(?:[^"\\\n]|\\.)+"|'[^'\n]+'|[^\s"'{}\[\],|>&*#<][^\n,}\]]*)`), "${1}\"" + removed + "\""},
	{keyHints, false, regexp.MustCompile(`(?i)("[\w.-]*` + secretKey + `"\s*:\s*)"(?:[^"\\]|\\.)+"`), "${1}\"" + removed + "\""},
	{keyHints, false, regexp.MustCompile(`(?i)(\\"[\w.-]*` + secretKey + `\\"\s*:\s*\\")[^"\\]+`), "${1}" + removed},
	// A block of text below such a key: its first line.
	{keyHints, true, regexp.MustCompile(`(?im)^(\s*(?:- )?["']?[\w.-]*` + secretKey + `["']?:[ \t]*[|>][-+]?\n[ \t]+)[^\n]+`), "${1}" + removed},
	// Environment variables of a container, in YAML and in JSON, with value behind name.
	{[]string{"value"}, true, regexp.MustCompile(`(?im)^(\s*- name: ["']?[\w.-]*` + secretKey + `["']?\n\s*value: ).+$`), "${1}" + removed},
	{[]string{"value"}, true, regexp.MustCompile(`(?i)("name"\s*:\s*"[\w.-]*` + secretKey + `"\s*,\s*"value"\s*:\s*)"(?:[^"\\]|\\.)*"`), "${1}\"" + removed + "\""},
	// --password=x, --token x on a command line.
	{[]string{"--"}, false, regexp.MustCompile(`(?i)(--[\w-]*` + secretKey + `(?:=|\s+))[^\s"',<-][^\s"',]*`), "${1}" + removed},
	// Secret objects that stand inside another text, such as kubectl's annotation.
	{[]string{"secret"}, false, regexp.MustCompile(`(\\?"(?:data|stringData)\\?"\s*:\s*\{)[^{}]*(\}[^\n]*\\?"kind\\?"\s*:\s*\\?"Secret)`), "${1}${2}"},
	{[]string{"secret"}, false, regexp.MustCompile(`(\\?"kind\\?"\s*:\s*\\?"Secret\\?"[^\n]*?\\?"(?:data|stringData)\\?"\s*:\s*\{)[^{}]*(\})`), "${1}${2}"},
	{[]string{"secret"}, true, regexp.MustCompile(`(?m)^(kind: Secret\n(?:[^\n]*\n)*?(?:data|stringData):\n)(?:[ \t]+[^\n]*\n?)+`), "${1}  " + removed + "\n"},
	{[]string{"secret"}, true, regexp.MustCompile(`(?m)^((?:data|stringData):\n)(?:[ \t]+[^\n]*\n)+((?:[^-\n][^\n]*\n)*kind: Secret$)`), "${1}  " + removed + "\n${2}"},
}

// harmless ends a match whose value is no secret although its key sounds so.
var harmless = regexp.MustCompile(`[:=]\s*(?:true|false|null|~|<removed>)\s*$`)

// Bytes returns content without what is secret in it, and how many places were
// changed. It knows private keys, tokens, Secrets, kubeconfig credentials,
// credentials in headers, URLs and command lines, and values whose key says that
// they are secret. A certificate is public and stays.
func Bytes(content []byte) ([]byte, int) {
	changed := 0
	for _, r := range rules {
		if r.whole && hinted(bytes.ToLower(content), r.hints) {
			content = r.apply(content, &changed)
		}
	}
	clean := make([]byte, 0, len(content))
	for line := range bytes.Lines(content) {
		lower := bytes.ToLower(line)
		for _, r := range rules {
			// Hints are only ever removed by a change, so that those of the line as it
			// was will do.
			if !r.whole && hinted(lower, r.hints) {
				line = r.apply(line, &changed)
			}
		}
		clean = append(clean, line...)
	}
	return clean, changed
}

func hinted(lower []byte, hints []string) bool {
	for _, hint := range hints {
		if bytes.Contains(lower, []byte(hint)) {
			return true
		}
	}
	return false
}

// apply replaces what the rule finds.
func (r rule) apply(content []byte, changed *int) []byte {
	return r.pattern.ReplaceAllFunc(content, func(found []byte) []byte {
		if harmless.Match(found) {
			return found
		}
		*changed++
		return r.pattern.ReplaceAll(found, []byte(r.with))
	})
}

// Text is Bytes for a string.
func Text(s string) string {
	clean, _ := Bytes([]byte(s))
	return string(clean)
}

// Value says what stood in a place without showing it.
func Value(length int) string { return fmt.Sprintf("<removed: %d bytes>", length) }
