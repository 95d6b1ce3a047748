package pkcs11

import (
	"errors"
	"fmt"
)

// Errors of this package; a Code may be wrapped beside them.
var (
	ErrNotBuilt  = errors.New("pkcs11: this build has no PKCS #11 support (build tag nopkcs11)")
	ErrNoToken   = errors.New("pkcs11: no token with this label")
	ErrNoKey     = errors.New("pkcs11: no such key in the token")
	ErrKeyExists = errors.New("pkcs11: the token has a key with this id already")
	ErrPIN       = errors.New("pkcs11: the token refused the PIN")
	ErrDamaged   = errors.New("pkcs11: not encrypted under this key and additional data")
	ErrClosed    = errors.New("pkcs11: closed")
)

// Code is a module's answer, CKR_…, other than CKR_OK.
type Code uint32

// The codes that are told apart.
const (
	codeFunctionFailed     Code = 0x6
	codeArgumentsBad       Code = 0x7
	codeDeviceError        Code = 0x30
	codeDeviceRemoved      Code = 0x32
	codeEncryptedInvalid   Code = 0x40
	codeEncryptedLength    Code = 0x41
	codeKeyHandleInvalid   Code = 0x60
	codeMechanismInvalid   Code = 0x70
	codeObjectInvalid      Code = 0x82
	codePINIncorrect       Code = 0xa0
	codePINInvalid         Code = 0xa1
	codePINLength          Code = 0xa2
	codePINExpired         Code = 0xa3
	codePINLocked          Code = 0xa4
	codeSessionClosed      Code = 0xb0
	codeSessionInvalid     Code = 0xb3
	codeTokenNotPresent    Code = 0xe0
	codeTokenNotRecognized Code = 0xe1
	codeAlreadyLoggedIn    Code = 0x100
	codeNotLoggedIn        Code = 0x101
	codeBufferTooSmall     Code = 0x150
	codeNotInitialized     Code = 0x190
	codeAlreadyInitialized Code = 0x191
)

func (c Code) Error() string {
	if name, ok := codeNames[c]; ok {
		return "pkcs11: " + name
	}
	return fmt.Sprintf("pkcs11: error 0x%x", uint32(c))
}

var codeNames = map[Code]string{
	0x1: "CKR_CANCEL", 0x2: "CKR_HOST_MEMORY", 0x3: "CKR_SLOT_ID_INVALID", 0x5: "CKR_GENERAL_ERROR",
	codeFunctionFailed: "CKR_FUNCTION_FAILED", codeArgumentsBad: "CKR_ARGUMENTS_BAD",
	0x10: "CKR_ATTRIBUTE_READ_ONLY", 0x11: "CKR_ATTRIBUTE_SENSITIVE", 0x12: "CKR_ATTRIBUTE_TYPE_INVALID", 0x13: "CKR_ATTRIBUTE_VALUE_INVALID",
	codeDeviceError: "CKR_DEVICE_ERROR", 0x31: "CKR_DEVICE_MEMORY", codeDeviceRemoved: "CKR_DEVICE_REMOVED",
	codeEncryptedInvalid: "CKR_ENCRYPTED_DATA_INVALID", codeEncryptedLength: "CKR_ENCRYPTED_DATA_LEN_RANGE",
	0x54: "CKR_FUNCTION_NOT_SUPPORTED", codeKeyHandleInvalid: "CKR_KEY_HANDLE_INVALID", 0x62: "CKR_KEY_SIZE_RANGE", 0x63: "CKR_KEY_TYPE_INCONSISTENT",
	0x68: "CKR_KEY_FUNCTION_NOT_PERMITTED", 0x69: "CKR_KEY_NOT_WRAPPABLE", 0x6a: "CKR_KEY_UNEXTRACTABLE",
	codeMechanismInvalid: "CKR_MECHANISM_INVALID", 0x71: "CKR_MECHANISM_PARAM_INVALID", codeObjectInvalid: "CKR_OBJECT_HANDLE_INVALID",
	0x90: "CKR_OPERATION_ACTIVE", 0x91: "CKR_OPERATION_NOT_INITIALIZED",
	codePINIncorrect: "CKR_PIN_INCORRECT", codePINInvalid: "CKR_PIN_INVALID", codePINLength: "CKR_PIN_LEN_RANGE",
	codePINExpired: "CKR_PIN_EXPIRED", codePINLocked: "CKR_PIN_LOCKED",
	codeSessionClosed: "CKR_SESSION_CLOSED", 0xb1: "CKR_SESSION_COUNT", codeSessionInvalid: "CKR_SESSION_HANDLE_INVALID",
	0xb5: "CKR_SESSION_READ_ONLY", 0xd0: "CKR_TEMPLATE_INCOMPLETE", 0xd1: "CKR_TEMPLATE_INCONSISTENT",
	codeTokenNotPresent: "CKR_TOKEN_NOT_PRESENT", codeTokenNotRecognized: "CKR_TOKEN_NOT_RECOGNIZED", 0xe2: "CKR_TOKEN_WRITE_PROTECTED",
	codeAlreadyLoggedIn: "CKR_USER_ALREADY_LOGGED_IN", codeNotLoggedIn: "CKR_USER_NOT_LOGGED_IN", 0x102: "CKR_USER_PIN_NOT_INITIALIZED",
	0x110: "CKR_WRAPPED_KEY_INVALID", codeBufferTooSmall: "CKR_BUFFER_TOO_SMALL",
	codeNotInitialized: "CKR_CRYPTOKI_NOT_INITIALIZED", codeAlreadyInitialized: "CKR_CRYPTOKI_ALREADY_INITIALIZED",
}

func isCode(err error, codes ...Code) bool {
	var c Code
	if !errors.As(err, &c) {
		return false
	}
	for _, want := range codes {
		if c == want {
			return true
		}
	}
	return false
}

// lost reports whether err may pass with new sessions and a new login.
func lost(err error) bool {
	return isCode(err, codeDeviceError, codeDeviceRemoved, codeSessionClosed, codeSessionInvalid, codeTokenNotPresent,
		codeTokenNotRecognized, codeNotLoggedIn, codeNotInitialized)
}
