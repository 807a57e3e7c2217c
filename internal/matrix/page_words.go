package matrix

// tones are the colour classes of the statuses.
var tones = map[Status]string{
	Pass: "pass", Fail: "fail", Error: "fail", Flaky: "warn", Invalid: "warn", passUnjudged: "warn", flakyUnjudged: "warn", Skipped: "skip", Illegal: "skip",
}

// signs tell the colours apart for who does not see them.
var signs = map[string]string{"pass": "✓", "fail": "✗", "warn": "‼", "skip": "–"}

// changeTones are the colour classes of the changes.
var changeTones = map[Change]string{NewlyFailing: "fail", MoreFailing: "fail", Fixed: "pass", Slower: "warn", New: "skip", Gone: "skip"}

// meanings say what the statuses stand for.
var meanings = map[Status]string{
	Pass:          "every check that was run holds",
	Fail:          "a check failed, or a measurement or an upgrade is outside of its limits",
	Flaky:         "every check holds, one only at a later attempt",
	passUnjudged:  "every check that was run holds; the machine could not judge latency",
	flakyUnjudged: "every check holds, one only at a later attempt; the machine could not judge latency",
	Skipped:       "it was not run",
	Illegal:       "Istio does not support the pair; it is not run, or was refused as it must be",
	Invalid:       "a measurement that is required decided nothing, for reasons of the machine",
	Error:         "it says nothing about Istio: its environment could not be built",
}
