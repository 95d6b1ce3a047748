package rotate

import "fmt"

// Error is how a step fails, in the two parts of which Lambda makes a function
// error. It never holds a password.
type Error struct {
	// Type is the errorType, spelled as the templates' runtime spells it:
	// ValueError where the secret or the database refuses, KeyError where a key
	// is missing from the secret, ResourceNotFoundException where a version is,
	// TimeoutError when the time is over.
	Type string
	// Message is the errorMessage: what AWS's template says, then the cause
	// and what to do.
	Message string
	// Err is what caused it, if that has an error of its own.
	Err error
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

func (e *Error) Unwrap() error { return e.Err }

func valueError(format string, args ...any) *Error {
	return &Error{Type: "ValueError", Message: fmt.Sprintf(format, args...)}
}

func keyError(format string, args ...any) *Error {
	return &Error{Type: "KeyError", Message: fmt.Sprintf(format, args...)}
}

// missing is the error of a value that a step can't do without.
func missing(id, stage string) *Error {
	return &Error{
		Type:    "ResourceNotFoundException",
		Message: fmt.Sprintf("Secrets Manager can't find the specified secret value for staging label: %s (secret %s)", stage, id),
		Err:     ErrNotFound,
	}
}
