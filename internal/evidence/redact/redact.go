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
	// hint is in lower case in every text that the pattern can match: texts without
	// it are not searched, which makes large dumps cheap.
	hint    string
	pattern *regexp.Regexp
	with    string
}

// secretKey is the end of a key's name whose value is secret. A key that only
// names where a secret is (secretName, credentialName, tokenPath) does not end so.
const secretKey = `(?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|access[_-]?key|secret[_-]?access[_-]?key|private[_-]?key|client[_-]?secret|client-key-data|client-certificate-data|id-token|refresh-token|dockerconfigjson|dockercfg|auth|session[_-]?key)`

// rules are applied in this order to every text.
var rules = []rule{
	// Private keys in PEM, also with the line breaks escaped as JSON does.
	{"private key", regexp.MustCompile(`(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)`), removed},
	// The same in base64, as Secrets, kubeconfigs and Envoy's inline_bytes have it:
	// "-----BEGIN" is LS0tLS1CRUdJTi. A certificate is public and stays.
	{"ls0tls1crudjti", regexp.MustCompile(`LS0tLS1CRUdJTi(?:BQUklWQVRF|BSU0EgUFJJVkFUR|BFQyBQUklWQVRF|BFTkNSWVBURUQg|BPUEVOU1NI|BEU0Eg|BQ)[A-Za-z0-9+/=]*`), removed},
	// JSON web tokens: header and claims are base64 of text that begins with {".
	{"eyj", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?`), removed},
	// Credentials in headers: "Authorization: Bearer x", "authorization": "Basic x".
	{"authorization", regexp.MustCompile(`(?i)((?:proxy-)?authorization["']?\s*[:=]\s*\[?["']?\s*)(?:[A-Za-z][A-Za-z0-9-]*\s+)?[^\s"',\[\]<][^\s"',\]]*`), "${1}" + removed},
	{"bearer", regexp.MustCompile(`(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]{12,}`), "${1}" + removed},
	{"cookie", regexp.MustCompile(`(?i)((?:set-)?cookie["']?\s*:\s*\[?["']?)[^\s"'\[\]<][^"'\n\]<]*`), "${1}" + removed},
	// Name and password in a URL.
	{"://", regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s:@"'<>]*:[^/\s@"'<>]+@`), "${1}" + removed + "@"},
	// Parameters of a URL that are credentials.
	{"=", regexp.MustCompile(`(?i)([?&](?:access_token|id_token|token|api_key|apikey|key|password|secret|sig|signature|code)=)[^&\s"'<]+`), "${1}" + removed},
	// Keys of cloud providers and forges, wherever they stand.
	{"akia", regexp.MustCompile(`\bAKIA[0-9A-Z]{16}\b`), removed},
	{"gh", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{30,}\b`), removed},
	// "FOO_PASSWORD: x", "clientSecret": "x", TOKEN=x. Objects and lists stay.
	{"", regexp.MustCompile(`(?im)^(\s*(?:- )?["']?[\w.-]*` + secretKey + `["']?\s*[:=][ \t]*)(?:"(?:[^"\\\n]|\\.)+"|'[^'\n]+'|[^\s"'{}\[\],|>&*#<][^\n,}\]]*)`), "${1}\"" + removed + "\""},
	{"", regexp.MustCompile(`(?i)("[\w.-]*` + secretKey + `"\s*:\s*)"(?:[^"\\]|\\.)+"`), "${1}\"" + removed + "\""},
	{"", regexp.MustCompile(`(?i)(\\"[\w.-]*` + secretKey + `\\"\s*:\s*\\")[^"\\]+`), "${1}" + removed},
	// A block of text below such a key: its first line.
	{"", regexp.MustCompile(`(?im)^(\s*(?:- )?["']?[\w.-]*` + secretKey + `["']?:[ \t]*[|>][-+]?\n[ \t]+)[^\n]+`), "${1}" + removed},
	// Environment variables of a container, in YAML and in JSON, with value behind name.
	{"value", regexp.MustCompile(`(?im)^(\s*- name: ["']?[\w.-]*` + secretKey + `["']?\n\s*value: ).+$`), "${1}" + removed},
	{"value", regexp.MustCompile(`(?i)("name"\s*:\s*"[\w.-]*` + secretKey + `"\s*,\s*"value"\s*:\s*)"(?:[^"\\]|\\.)*"`), "${1}\"" + removed + "\""},
	// --password=x, --token x on a command line.
	{"--", regexp.MustCompile(`(?i)(--[\w-]*` + secretKey + `(?:=|\s+))[^\s"',<-][^\s"',]*`), "${1}" + removed},
	// Secret objects that stand inside another text, such as kubectl's annotation.
	{"secret", regexp.MustCompile(`(\\?"(?:data|stringData)\\?"\s*:\s*\{)[^{}]*(\}[^\n]*\\?"kind\\?"\s*:\s*\\?"Secret)`), "${1}${2}"},
	{"secret", regexp.MustCompile(`(\\?"kind\\?"\s*:\s*\\?"Secret\\?"[^\n]*?\\?"(?:data|stringData)\\?"\s*:\s*\{)[^{}]*(\})`), "${1}${2}"},
	{"secret", regexp.MustCompile(`(?m)^(kind: Secret\n(?:[^\n]*\n)*?(?:data|stringData):\n)(?:[ \t]+[^\n]*\n?)+`), "${1}  " + removed + "\n"},
	{"secret", regexp.MustCompile(`(?m)^((?:data|stringData):\n)(?:[ \t]+[^\n]*\n)+((?:[^-\n][^\n]*\n)*kind: Secret$)`), "${1}  " + removed + "\n${2}"},
}

// harmless ends a match whose value is no secret although its key sounds so.
var harmless = regexp.MustCompile(`[:=]\s*(?:true|false|null|~|<removed>)\s*$`)

// Bytes returns content without what is secret in it, and how many places were
// changed. It knows private keys, tokens, Secrets, kubeconfig credentials,
// credentials in headers, URLs and command lines, and values whose key says that
// they are secret. A certificate is public and stays.
func Bytes(content []byte) ([]byte, int) {
	lower := bytes.ToLower(content)
	changed := 0
	for _, r := range rules {
		if !bytes.Contains(lower, []byte(r.hint)) {
			continue
		}
		// A copy with positions in lower case would be wrong after the first change;
		// hints are only ever removed by a change, so the test above stays safe.
		content = r.pattern.ReplaceAllFunc(content, func(found []byte) []byte {
			if harmless.Match(found) {
				return found
			}
			changed++
			return r.pattern.ReplaceAll(found, []byte(r.with))
		})
	}
	return content, changed
}

// Text is Bytes for a string.
func Text(s string) string {
	clean, _ := Bytes([]byte(s))
	return string(clean)
}

// Value says what stood in a place without showing it.
func Value(length int) string { return fmt.Sprintf("<removed: %d bytes>", length) }
