package kms

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// grantToken names a grant. Every CreateGrant answers a new one; all of a
// grant's tokens are worth the same, and nothing once the grant is gone.
type grantToken struct {
	Account, Region, Key, Grant string
}

const (
	tokenPurpose = "kms.granttoken"
	nonceSize    = 16
	macSize      = 32 // of the keyring
)

// newToken makes a token: MAC, nonce and the grant's place, so that it can be
// found from the token alone and nobody else can make one.
func (s *Service) newToken(k *Key, g *Grant) (string, error) {
	b := make([]byte, macSize+nonceSize, 256)
	rand.Read(b[macSize:])
	b = append(b, strings.Join([]string{k.Account, k.Region, k.ID, g.ID}, "\x00")...)
	mac, err := s.ring.MAC(tokenPurpose, b[macSize:])
	if err != nil {
		return "", engine(err, k, "")
	}
	copy(b, mac)
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// openToken answers what a token names, or InvalidGrantTokenException. It does
// not say whether the grant still exists.
func (s *Service) openToken(c *redoubt.Call, token string) (grantToken, error) {
	invalid := kmsapi.ErrInvalidGrantTokenException.New("Invalid grant token.")
	b, ok := decodeOurs(token)
	if !ok || len(b) < macSize+nonceSize {
		return grantToken{}, invalid
	}
	if err := s.ring.VerifyMAC(tokenPurpose, b[macSize:], b[:macSize]); err != nil {
		if isDamaged(err) {
			return grantToken{}, invalid
		}
		return grantToken{}, engine(err, nil, "")
	}
	p := strings.Split(string(b[macSize+nonceSize:]), "\x00")
	if len(p) != 4 || p[1] != c.Region {
		return grantToken{}, invalid
	}
	return grantToken{p[0], p[1], p[2], p[3]}, nil
}

// decodeOurs undoes our base64, which is the only spelling that is accepted.
func decodeOurs(s string) ([]byte, bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return b, err == nil && base64.RawURLEncoding.EncodeToString(b) == s
}
