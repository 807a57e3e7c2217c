package codec

import "bytes"

// maxErrorBody is how much of an error's body is kept to recognize Envoy's own
// answers: they are one short line.
const maxErrorBody = 160

// localReplies are the bodies of the answers that Envoy gives by itself, and the
// response flag it logs with each (Envoy's documentation, "Access logging,
// %RESPONSE_FLAGS%"; bodies as seen from Envoy 1.40). The first that matches counts.
var localReplies = []struct {
	text []byte
	flag string
}{
	{[]byte("no healthy upstream"), "UH"},
	{[]byte("upstream request timeout"), "UT"},
	{[]byte("reset reason: overflow"), "UO"},
	{[]byte("reset reason: remote connection failure"), "UF"},
	{[]byte("reset reason: connection failure"), "UF"},
	{[]byte("reset reason: connection timeout"), "UF"},
	{[]byte("reset reason: connection termination"), "UC"},
	{[]byte("reset reason: remote reset"), "UR"},
	{[]byte("reset reason: protocol error"), "UPE"},
	{[]byte("fault filter abort"), "FI"},
	{[]byte("local_rate_limited"), "RL"},
}

// flagOf returns the response flag that an error's body gives away, or "".
func flagOf(body []byte) string {
	for _, reply := range localReplies {
		if bytes.Contains(body, reply.text) {
			return reply.flag
		}
	}
	return ""
}

// keep appends the beginning of an error's body.
func keep(kept, body []byte) []byte {
	room := maxErrorBody - len(kept)
	return append(kept, body[:min(room, len(body))]...)
}
