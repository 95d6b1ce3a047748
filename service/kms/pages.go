package kms

import (
	"encoding/base64"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// paging is how a list is cut: AWS's own limits are tighter than the model's.
type paging struct{ preset, most int }

// Source: documentation of each operation's Limit.
var (
	keyPages   = paging{100, 1000} // ListKeys, ListKeyPolicies, ListKeyRotations, DescribeCustomKeyStores
	aliasPages = paging{50, 100}   // ListAliases, ListGrants, ListRetirableGrants
	tagPages   = paging{50, 50}    // ListResourceTags
)

// page is one page of a list. Its marker is opaque and ours alone: it is bound
// to the account, the operation and the list by a MAC, so that nobody can make
// one up or take it elsewhere.
type page struct {
	s     *Service
	bound string // what the marker is bound to
	limit int
	after string // the last entry of the page before
	last  *string
}

const markerPurpose = "kms.marker"

// page reads Limit and Marker; of names the list further, where one operation
// has several (a key's id).
func (s *Service) page(c *redoubt.Call, limit *int32, marker *string, g paging, of ...string) (*page, error) {
	p := &page{s: s, limit: g.preset}
	p.bound = strings.Join(append([]string{c.Account, c.Region, c.Operation}, of...), "\x00")
	if limit != nil {
		if int(*limit) > g.most {
			return nil, redoubt.ErrValidation.New("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value less than or equal to %d", *limit, g.most)
		}
		p.limit = int(*limit)
	}
	if marker == nil {
		return p, nil
	}
	b, ok := decodeOurs(*marker)
	if !ok || len(b) <= macSize {
		return nil, kmsapi.ErrInvalidMarkerException.New("Invalid marker.")
	}
	p.after = string(b[macSize:])
	if err := s.ring.VerifyMAC(markerPurpose, []byte(p.bound+"\x00"+p.after), b[:macSize]); err != nil {
		if isDamaged(err) {
			return nil, kmsapi.ErrInvalidMarkerException.New("Invalid marker.")
		}
		return nil, engine(err, nil, "")
	}
	return p, nil
}

// more notes that the list goes on behind last.
func (p *page) more(last *string) { p.last = last }

// end answers Truncated, which is always present, and NextMarker, which is
// absent on the last page.
func (p *page) end() (truncated *bool, marker *string, err error) {
	if p.last == nil {
		return new(false), nil, nil
	}
	mac, err := p.s.ring.MAC(markerPurpose, []byte(p.bound+"\x00"+*p.last))
	if err != nil {
		return nil, nil, engine(err, nil, "")
	}
	return new(true), new(base64.RawURLEncoding.EncodeToString(append(mac, *p.last...))), nil
}
