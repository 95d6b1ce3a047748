package xksproxy

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/xks"
)

func invalid(message string) error {
	return &xks.Error{Name: xks.ErrValidation, Message: message}
}

func unsupported(message string) error {
	return &xks.Error{Name: xks.ErrUnsupported, Message: message}
}

// names are what KMS's refusals are called by the API. Others are internal.
var names = map[redoubt.ErrorKind]string{
	kmsapi.ErrDisabledException:             xks.ErrInvalidState,
	kmsapi.ErrKMSInvalidStateException:      xks.ErrInvalidState,
	kmsapi.ErrKeyUnavailableException:       xks.ErrInvalidState,
	kmsapi.ErrNotFoundException:             xks.ErrKeyNotFound,
	kmsapi.ErrInvalidKeyUsageException:      xks.ErrInvalidKeyUsage,
	kmsapi.ErrDependencyTimeoutException:    xks.ErrDependencyTimeout,
	redoubt.ErrAccessDenied:                 xks.ErrAccessDenied,
	redoubt.ErrThrottling:                   xks.ErrThrottling,
	redoubt.ErrNotImplemented:               xks.ErrUnsupported,
	kmsapi.ErrUnsupportedOperationException: xks.ErrInvalidKeyUsage, // an asymmetric key
}

// refusal words an error for the API. KMS's own messages stay here: they name
// policies and keys.
func refusal(err error) *xks.Error {
	if e, ok := errors.AsType[*xks.Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &xks.Error{Name: xks.ErrDependencyTimeout, Cause: err}
	}
	if e, ok := errors.AsType[*redoubt.Error](err); ok {
		if name, ok := names[redoubt.ErrorKind(e.Code)]; ok {
			return &xks.Error{Name: name, Cause: err}
		}
	}
	return &xks.Error{Name: xks.ErrInternal, Cause: err}
}
