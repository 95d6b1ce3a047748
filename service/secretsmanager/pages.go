package secretsmanager

import (
	"encoding/base64"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
)

// A page token is a MAC before a place in a list, in base64. The MAC binds it to
// account, Region, operation and question: nobody can make one up, nor take it
// elsewhere.
const (
	tokenPurpose = "secretsmanager.page"
	macSize      = 32
)

func bound(c *redoubt.Call, at string, question []string) []byte {
	return []byte(strings.Join(append([]string{c.Account, c.Region, c.Operation, at}, question...), "\x00"))
}

// leave makes the token for the place behind which the next page begins.
func (s *Service) leave(c *redoubt.Call, at string, question ...string) (*string, error) {
	mac, err := s.ring.MAC(tokenPurpose, bound(c, at, question))
	if err != nil {
		return nil, err
	}
	return new(base64.RawURLEncoding.EncodeToString(append(mac, at...))), nil
}

// resume answers the place that a token names; "" without a token.
func (s *Service) resume(c *redoubt.Call, token *string, question ...string) (string, error) {
	if token == nil {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*token)
	if err != nil || len(b) <= macSize {
		return "", badToken()
	}
	at := string(b[macSize:])
	if err := s.ring.VerifyMAC(tokenPurpose, bound(c, at, question), b[:macSize]); err != nil {
		if isDamaged(err) {
			return "", badToken()
		}
		return "", err
	}
	return at, nil
}
