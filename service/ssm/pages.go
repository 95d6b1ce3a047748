package ssm

import (
	"encoding/base64"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
)

// Source: documentation of MaxResults of each operation.
const (
	pathPage     = 10
	describePage = 50
	historyPage  = 50
	policyPage   = 50
)

// looks bounds how many records a page looks at: filters that match little make
// short pages, not slow ones.
const looks = 500

// page is one page of a list. Its token is opaque and ours alone: it is bound to
// the account, the operation and the list by a MAC.
type page struct {
	s     *Service
	bound string
	limit int
	after string // where the page before ended
}

const (
	tokenPurpose = "ssm.token"
	macSize      = 32
	maxToken     = 4096
)

// page reads MaxResults and NextToken; of names the list further.
func (s *Service) page(c *redoubt.Call, limit *int32, token *string, preset int, of ...string) (*page, error) {
	p := &page{s: s, limit: preset, bound: strings.Join(append([]string{c.Account, c.Region, c.Operation}, of...), "\x00")}
	if limit != nil {
		p.limit = int(*limit)
	}
	if token == nil || *token == "" {
		return p, nil
	}
	wrong := ssmapi.ErrInvalidNextToken.New("The specified token is invalid.")
	if len(*token) > maxToken {
		return nil, wrong
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(*token)
	if err != nil || len(b) <= macSize {
		return nil, wrong
	}
	p.after = string(b[macSize:])
	switch err := s.ring.VerifyMAC(tokenPurpose, []byte(p.bound+"\x00"+p.after), b[:macSize]); err {
	case nil:
		return p, nil
	case keyring.ErrDamaged:
		return nil, wrong
	default:
		return nil, sealing(err)
	}
}

// token answers the token of a list that goes on behind last.
func (p *page) token(last string) (*string, error) {
	mac, err := p.s.ring.MAC(tokenPurpose, []byte(p.bound+"\x00"+last))
	if err != nil {
		return nil, sealing(err)
	}
	return new(base64.RawURLEncoding.EncodeToString(append(mac, last...))), nil
}

// numbered and number are for lists in order of numbers.
func (p *page) numbered(last int64) (*string, error) { return p.token(strconv.FormatInt(last, 10)) }

func (p *page) number() int64 {
	n, err := strconv.ParseInt(p.after, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
