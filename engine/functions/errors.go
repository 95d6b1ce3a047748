package functions

import (
	"errors"
	"fmt"
)

// CodeError says why an archive is not taken. Its text is AWS's where AWS has one
// (InvalidParameterValueException).
type CodeError struct{ Text string }

func (e *CodeError) Error() string { return e.Text }

func badCode(format string, args ...any) error { return &CodeError{fmt.Sprintf(format, args...)} }

var (
	// ErrUnzip: the bytes are no zip archive, or a damaged one.
	ErrUnzip = &CodeError{"Could not unzip uploaded file. Please check your file, then try to upload again."}
	// ErrEmpty: the archive holds no file.
	ErrEmpty = &CodeError{"Uploaded file must be a non-empty zip"}
	// ErrUnzipped: code and layers are too large together.
	ErrUnzipped = &CodeError{fmt.Sprintf("Unzipped size must be smaller than %d bytes", MaxUnzipped)}
)

var (
	// ErrBusy: no instance is free and no further one may be started. AWS answers
	// TooManyRequestsException with reason ConcurrentInvocationLimitExceeded.
	ErrBusy = errors.New("functions: no room for a further instance")
	// ErrIsolation: this host cannot isolate functions from the server, and the
	// configuration does not say that they may run anyway.
	ErrIsolation = errors.New("functions: this host cannot isolate functions (lambda-unconfined runs them anyway)")
	// ErrRuntime: nothing on this host runs the runtime, or only another version
	// does and the configuration is strict.
	ErrRuntime = errors.New("functions: runtime not available on this host")
	// ErrStopped: the engine is stopping.
	ErrStopped = errors.New("functions: stopping")
)
