package sts

import (
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
)

// Errors of STS that its model does not declare.
const (
	errValidation   redoubt.ErrorKind = "ValidationError"
	errAccessDenied redoubt.ErrorKind = "AccessDenied"
	errParameter    redoubt.ErrorKind = "InvalidParameterValue"
)

func validation(format string, args ...any) error { return errValidation.New(format, args...) }

// denied is a refusal that is no decision of a policy.
func denied(format string, args ...any) error {
	e := errAccessDenied.New(format, args...)
	e.Status = 403
	return e
}

// with hangs a cause on an error, for the log.
func with(e *redoubt.Error, cause error) error {
	e.Cause = cause
	return e
}

// missing reports whether identity has no such thing.
func missing(err error) bool {
	var nf *identity.NotFound
	return errors.As(err, &nf)
}

// malformed words a session policy that does not parse.
func malformed(err error) error {
	var syn *policy.SyntaxError
	if errors.As(err, &syn) {
		return with(stsapi.ErrMalformedPolicyDocumentException.New("%s", syn.Message), err)
	}
	return err
}

func isCode(err error) bool { return errors.Is(err, identity.ErrCode) }
