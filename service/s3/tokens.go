package s3

import (
	"encoding/base64"
	"errors"
	"strconv"

	"github.com/redoubt-sec/redoubt/engine/keyring"
)

// Continuation tokens are opaque and ours alone: they are bound to the list that
// they go on with by a MAC, so that nobody can make one up or take it elsewhere.

const (
	tokenPurpose = "s3.token"
	macSize      = 32
)

// newToken makes the token with which a list goes on behind last.
func (s *Service) newToken(list, last string) (*string, error) {
	mac, err := s.Keyring.MAC(tokenPurpose, bound(list, last))
	if err != nil {
		return nil, err
	}
	return new(base64.RawURLEncoding.EncodeToString(append(mac[:macSize:macSize], last...))), nil
}

// token answers behind what a list goes on; "" without a token.
func (s *Service) token(list, token, argument string) (string, error) {
	if token == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) <= macSize {
		return "", badToken(argument, token)
	}
	last := string(b[macSize:])
	if err := s.Keyring.VerifyMAC(tokenPurpose, bound(list, last), b[:macSize]); err != nil {
		if errors.Is(err, keyring.ErrDamaged) {
			return "", badToken(argument, token)
		}
		return "", err
	}
	return last, nil
}

func bound(list, last string) []byte { return []byte(list + "\x00" + last) }

func badToken(argument, token string) error {
	return refusal(400, "InvalidArgument", "The continuation token provided is incorrect", append([]string{"ArgumentName", argument}, pair("ArgumentValue", token)...)...)
}

func itoa(n int) string { return strconv.Itoa(n) }
