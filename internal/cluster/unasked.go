package cluster

// UnaskedError is why something in the cluster could not be asked: it says nothing
// about what the answer would have been.
type UnaskedError struct{ Err error }

// Unasked marks an error as one of these; nil stays nil.
func Unasked(err error) error {
	if err == nil {
		return nil
	}
	return &UnaskedError{err}
}

// Error is the error itself.
func (e *UnaskedError) Error() string { return e.Err.Error() }

// Unwrap gives errors.Is and errors.As the error itself.
func (e *UnaskedError) Unwrap() error { return e.Err }

// Unasked tells it from others: see internal/check.
func (*UnaskedError) Unasked() {}
