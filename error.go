package redoubt

import (
	"cmp"
	"fmt"
)

// Error is a refusal or failure that a client may see. Engines and stores
// return their own errors; a service translates them here once (errors.go in
// each room). An error that is not an *Error is answered as the service's
// internal failure, without its text.
type Error struct {
	// Code is the error's AWS name, "NotFoundException".
	Code string
	// Message is what the client reads. Some AWS errors have none: leave it
	// empty and the wire omits it. Never put secrets or request values that the
	// model marks sensitive into it.
	Message string
	// Recorded is what events and logs say in place of Message, where AWS's message
	// repeats a part of the request that must be kept nowhere: its sender knows it.
	Recorded string
	// Status is the HTTP status; 0 takes it from the model, else 400 (500 for
	// Fault).
	Status int
	// Fault: the server's fault, not the sender's.
	Fault bool
	// Fields are further members of the modelled error, by member name.
	Fields map[string]any
	// Cause is logged, never sent.
	Cause error
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code
	}
	return e.Code + ": " + e.Told()
}

// Told is what may be kept of the error's message.
func (e *Error) Told() string { return cmp.Or(e.Recorded, e.Message) }

func (e *Error) Unwrap() error { return e.Cause }

// Is makes errors.Is compare by code, so that a service can ask for
// errors.Is(err, kmsapi.ErrNotFoundException).
func (e *Error) Is(target error) bool {
	k, ok := target.(ErrorKind)
	return ok && string(k) == e.Code
}

// ErrorKind is a modelled error's code; api packages declare one constant per
// modelled error.
type ErrorKind string

func (k ErrorKind) Error() string { return string(k) }

// New makes an error of the kind with a formatted message.
func (k ErrorKind) New(format string, args ...any) *Error {
	return &Error{Code: string(k), Message: fmt.Sprintf(format, args...)}
}

// Bare makes an error of the kind without a message: AWS sends some so.
func (k ErrorKind) Bare() *Error { return &Error{Code: string(k)} }

// Errors that no model declares but every service answers.
const (
	ErrValidation     ErrorKind = "ValidationException"
	ErrAccessDenied   ErrorKind = "AccessDeniedException"
	ErrNotImplemented ErrorKind = "NotImplementedException"
	ErrInternal       ErrorKind = "InternalFailure"
	ErrThrottling     ErrorKind = "ThrottlingException"
)
