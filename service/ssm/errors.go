package ssm

import (
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

// Refusals that several operations share, in AWS's words.

// notFound has no text, as AWS's: who asked knows the name.
func notFound() error { return ssmapi.ErrParameterNotFound.Bare() }

func noVersion(selector, name string) error {
	return ssmapi.ErrParameterVersionNotFound.New("Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name)
}

func invalid(format string, args ...any) error {
	return redoubt.ErrValidation.New(format, args...)
}

// internal is a failure of ours.
func internal(cause error) error {
	return &redoubt.Error{Code: string(ssmapi.ErrInternalServerError), Status: 500, Fault: true, Cause: cause}
}

// sealing translates the keyring's errors.
func sealing(err error) error {
	if err == nil {
		return nil
	}
	e := &redoubt.Error{Code: string(ssmapi.ErrInternalServerError), Status: 500, Fault: true, Cause: err}
	if errors.Is(err, keyring.ErrSealed) {
		e.Message = "The keyring is sealed."
	}
	return e
}

// fromKMS words KMS's refusal as Parameter Store does: with its own text and where
// it comes from. What is wrong with the key is an invalid key id.
func fromKMS(c *redoubt.Call, err error) error {
	var e *redoubt.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Is(redoubt.ErrThrottling), e.Is(redoubt.ErrNotImplemented):
		return err
	case e.Fault, e.Status >= 500, e.Is(kmsapi.ErrKMSInternalException), e.Is(kmsapi.ErrDependencyTimeoutException), e.Is(kmsapi.ErrKeyUnavailableException):
		return internal(err)
	}
	text := e.Message
	if text == "" {
		text = "null"
	}
	kind := ssmapi.ErrInvalidKeyId
	if e.Is(redoubt.ErrAccessDenied) {
		kind = redoubt.ErrAccessDenied
	}
	return kind.New("%s (Service: AWSKMS; Status Code: 400; Error Code: %s; Request ID: %s; Proxy: null)", text, e.Code, c.RequestID)
}

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }

// value answers what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// present answers a pointer to s, or nil for what AWS leaves out when it is empty.
func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
