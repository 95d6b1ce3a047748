package xks

import "github.com/redoubt-sec/redoubt/engine/keystore"

// Error is a proxy's refusal. The message is optional, at most 511 printable
// ASCII characters.
type Error struct {
	Name    string `json:"errorName"`
	Message string `json:"errorMessage,omitempty"`
	Cause   error  `json:"-"` // logged, never sent
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Name + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Cause }

// The names of errors.
const (
	ErrValidation        = "ValidationException"
	ErrInvalidState      = "InvalidStateException"
	ErrInvalidCiphertext = "InvalidCiphertextException"
	ErrInvalidKeyUsage   = "InvalidKeyUsageException"
	ErrAuthentication    = "AuthenticationFailedException"
	ErrAccessDenied      = "AccessDeniedException"
	ErrKeyNotFound       = "KeyNotFoundException"
	ErrInvalidPath       = "InvalidUriPathException"
	ErrThrottling        = "ThrottlingException"
	ErrUnsupported       = "UnsupportedOperationException"
	ErrDependencyTimeout = "DependencyTimeoutException"
	ErrInternal          = "InternalException"
)

// errorRow is an error's HTTP status, and what KMS makes of it.
type errorRow struct {
	status  int
	failure *keystore.Failure
}

var errorRows = map[string]errorRow{
	ErrValidation:        {400, keystore.ProxyInvalidResponse},
	ErrInvalidState:      {400, keystore.ProxyKeyDisabled},
	ErrInvalidCiphertext: {400, keystore.ProxyInvalidCiphertext},
	ErrInvalidKeyUsage:   {400, keystore.ProxyKeyUsage},
	ErrAuthentication:    {401, keystore.ProxyAuthentication},
	ErrAccessDenied:      {403, keystore.ProxyAccessDenied},
	ErrKeyNotFound:       {404, keystore.ProxyKeyNotFound},
	ErrInvalidPath:       {404, keystore.ProxyInvalidPath},
	ErrThrottling:        {429, keystore.ProxyThrottling},
	ErrUnsupported:       {501, keystore.ProxyUnsupported},
	ErrDependencyTimeout: {503, keystore.ProxyDependencyTimeout},
	ErrInternal:          {500, keystore.ProxyInternal},
}

// Status is the HTTP status of the error.
func (e *Error) Status() int {
	if row, ok := errorRows[e.Name]; ok {
		return row.status
	}
	return errorRows[ErrInternal].status
}
