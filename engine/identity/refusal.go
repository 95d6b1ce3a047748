package identity

import (
	"encoding/base64"
	"errors"
)

const purposeRefusal = "identity.refusal"

// ErrMessage: no message of ours, or one of another account.
var ErrMessage = errors.New("identity: authorization message is not valid")

// EncodeRefusal seals the explanation of a refusal, so that only who may call
// sts:DecodeAuthorizationMessage in the caller's account reads which policy
// decided.
func (i *Identity) EncodeRefusal(account, text string) (string, error) {
	b, err := i.Keys.Seal(purposeRefusal, []byte(account), []byte(text))
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// DecodeRefusal answers the text again, or ErrMessage.
func (i *Identity) DecodeRefusal(account, message string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(message)
	if err != nil {
		return "", ErrMessage
	}
	text, err := i.Keys.Open(purposeRefusal, []byte(account), b)
	if notAuthentic(err) {
		return "", ErrMessage
	}
	return string(text), err
}
