package cloudtrail

import (
	"encoding/base64"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
)

// A page token is a MAC before a place in a list, in base64. The MAC binds it to
// account, Region, operation and parameters: nobody can make one up, nor take it
// to another question.
const (
	tokenPurpose = "cloudtrail.page"
	macSize      = 32
	maxToken     = 4096
)

func bound(c *redoubt.Call, at string, parameters []string) []byte {
	return []byte(strings.Join(append([]string{c.Account, c.Region, c.Operation, at}, parameters...), "\x00"))
}

// sealed makes the token for a place.
func (s *Service) sealed(c *redoubt.Call, at string, parameters ...string) (*string, error) {
	mac, err := s.mac.MAC(tokenPurpose, bound(c, at, parameters))
	if err != nil {
		return nil, err
	}
	return new(base64.RawURLEncoding.EncodeToString(append(mac, at...))), nil
}

// opened answers the place that a token names; "" without a token.
func (s *Service) opened(c *redoubt.Call, token *string, parameters ...string) (string, error) {
	if token == nil {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(b) <= macSize || len(b) > maxToken {
		return "", badToken()
	}
	at := string(b[macSize:])
	if err := s.mac.VerifyMAC(tokenPurpose, bound(c, at, parameters), b[:macSize]); err != nil {
		if sealedOff(err) {
			return "", err
		}
		return "", badToken()
	}
	return at, nil
}

func badToken() error { return api.ErrInvalidNextTokenException.New("Invalid next token.") }
