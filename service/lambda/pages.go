package lambda

import (
	"encoding/base64"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
)

// A marker is a MAC before a place in a list, in base64. The MAC binds it to
// account, Region, operation and parameters: nobody can make one up, nor take it
// to another question.
const (
	markerPurpose = "lambda.page"
	macSize       = 32
	maxMarker     = 4096
)

// page is where a list goes on and how much of it is wanted.
type page struct {
	after string
	limit int
}

// page reads the members of a request that ask for a page. AWS answers at most
// most entries, whatever was asked for.
func (s *Service) page(c *redoubt.Call, marker *string, items *int32, most int, parameters ...string) (page, error) {
	p := page{limit: most}
	if items != nil {
		p.limit = min(int(*items), most)
	}
	if value(marker) == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(*marker)
	if err != nil || len(b) <= macSize || len(b) > maxMarker {
		return p, badMarker()
	}
	p.after = string(b[macSize:])
	err = s.Keyring.VerifyMAC(markerPurpose, bound(c, p.after, parameters), b[:macSize])
	switch {
	case errors.Is(err, keyring.ErrSealed):
		return p, err
	case err != nil:
		return p, badMarker()
	}
	return p, nil
}

// marker makes the marker for a place.
func (s *Service) marker(c *redoubt.Call, at string, parameters ...string) (*string, error) {
	mac, err := s.Keyring.MAC(markerPurpose, bound(c, at, parameters))
	if err != nil {
		return nil, err
	}
	return new(base64.RawURLEncoding.EncodeToString(append(mac, at...))), nil
}

func bound(c *redoubt.Call, at string, parameters []string) []byte {
	return []byte(strings.Join(append([]string{c.Account, c.Region, c.Operation, at}, parameters...), "\x00"))
}

func badMarker() error { return invalid("Invalid pagination token.") }
