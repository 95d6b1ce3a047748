package lambda

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// A link leads to a stored package: whoever has it can read the package for a
// while, as with the presigned address that AWS answers. It leads to the address
// under which this server was called.

const (
	// CodePath is where packages are served.
	CodePath = "/_redoubt/functions/code/"
	// linkFor is how long a link holds, as at AWS.
	linkFor     = 10 * time.Minute
	linkPurpose = "lambda.link"
)

// location is where a version's package can be had.
func (s *Service) location(c *redoubt.Call, r ref, f *Function, v *Version) (*api.FunctionCodeLocation, error) {
	if s.isInside(r) {
		return &api.FunctionCodeLocation{RepositoryType: new("BuiltIn"), Location: new("built in")}, nil
	}
	at, err := s.link(c, r.account, r.region, v.Code.ID)
	return &api.FunctionCodeLocation{RepositoryType: new("S3"), Location: &at}, err
}

// link makes a link. Its end is wall time, like that of presigned addresses.
func (s *Service) link(c *redoubt.Call, account, region, pkg string) (string, error) {
	end := strconv.FormatInt(time.Now().Add(linkFor).Unix(), 10)
	mac, err := s.Keyring.MAC(linkPurpose, linked(account, region, pkg, end))
	if err != nil {
		return "", err
	}
	u := url.URL{Scheme: "http", Host: c.Source.Host, Path: CodePath + account + "/" + region + "/" + pkg}
	if c.Source.TLS {
		u.Scheme = "https"
	}
	u.RawQuery = url.Values{"Expires": {end}, "Signature": {base64.RawURLEncoding.EncodeToString(mac)}}.Encode()
	return u.String(), nil
}

func linked(account, region, pkg, end string) []byte {
	return []byte(strings.Join([]string{account, region, pkg, end}, "\x00"))
}

// Follow answers the package that a link leads to, or nil: a link that was not made
// here, or has ended, or whose package is gone. path is what follows CodePath.
func (s *Service) Follow(path, query string) ([]byte, error) {
	q, err := url.ParseQuery(query)
	parts := strings.Split(path, "/")
	if err != nil || len(parts) != 3 {
		return nil, nil
	}
	end := q.Get("Expires")
	mac, err := base64.RawURLEncoding.DecodeString(q.Get("Signature"))
	if err != nil || s.Keyring.VerifyMAC(linkPurpose, linked(parts[0], parts[1], parts[2], end), mac) != nil {
		return nil, nil
	}
	if t, err := strconv.ParseInt(end, 10, 64); err != nil || time.Now().Unix() > t {
		return nil, nil
	}
	zip, err := s.readCode(parts[0], parts[1], parts[2])
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return zip, err
}
