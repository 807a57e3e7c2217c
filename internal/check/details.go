package check

import "errors"

// detailed is an error of one line that knows more than fits there.
type detailed interface{ Details() []string }

// details returns what a value knows beyond its text, if it is an error that does.
func details(value any) []string {
	err, ok := value.(error)
	var more detailed
	if !ok || !errors.As(err, &more) {
		return nil
	}
	return more.Details()
}
