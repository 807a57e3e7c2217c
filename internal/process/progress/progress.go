// Package progress is how long work says what it is doing: one short line a
// step, without a trailing newline. Who shows it, and how, is the caller's choice.
package progress

// Logf receives one line of progress, formatted as by fmt.Sprintf.
type Logf func(format string, args ...any)

// Discard drops every line.
func Discard(string, ...any) {}
