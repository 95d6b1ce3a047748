package identity

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// Temporary is what a new session is used with.
type Temporary struct {
	AccessKeyID string
	Secret      string
	Token       string
	Expires     time.Time
}

// claims is what a token carries, sealed: the session, and the secret of its
// access key. Nothing of a session is stored.
type claims struct {
	Secret   string            `json:"s"`
	Account  string            `json:"a"`
	Kind     redoubt.Kind      `json:"k"`
	ID       string            `json:"i,omitempty"` // unique id of the user or role; empty for root
	Name     string            `json:"n,omitempty"` // a federated user's name
	Session  string            `json:"sn,omitempty"`
	Policies []string          `json:"p,omitempty"`
	ARNs     []string          `json:"pa,omitempty"`
	Tags     map[string]string `json:"t,omitempty"`
	Transit  []string          `json:"tt,omitempty"`
	Source   string            `json:"si,omitempty"`
	MFA      int64             `json:"m,omitempty"` // Unix seconds of the code; 0 for none
	Issued   int64             `json:"ia"`
	Expires  int64             `json:"e"`
	Provider string            `json:"fp,omitempty"`
	Context  map[string]string `json:"c,omitempty"`
	Chained  bool              `json:"ch,omitempty"`
}

// session is a token's content once it has been opened and read.
type session struct {
	keyID   string
	secret  []byte
	account string
	kind    redoubt.Kind
	id      string
	name    string
	redoubt.Session
}

// A token is base64 of a version byte and a sealed blob, whose purpose and
// additional data bind it to the access key id it was issued with.
const (
	purposeSession = "identity.session"
	tokenPlain     = 1 // claims as JSON
	tokenDeflated  = 2 // the same, compressed: policies and tags repeat themselves

	// maxToken bounds what is decoded at all; maxClaims what comes out of it.
	maxToken  = 64 << 10
	maxClaims = 128 << 10
	// deflateOver is the size from which compressing pays.
	deflateOver = 1024
)

// Issue makes credentials for a session that p describes: a principal whose
// Session is set. p's AccessKeyID plays no part.
func (i *Identity) Issue(p *redoubt.Principal) (*Temporary, error) {
	s := p.Session
	c := claims{
		Secret: newSecret(), Account: p.Account, Kind: p.Kind,
		Session: s.Name, Policies: s.Policies, ARNs: s.PolicyARNs, Tags: s.Tags, Transit: s.TransitiveTags,
		Source: s.SourceIdentity, Issued: s.Issued.Unix(), Expires: s.Expires.Unix(),
		Provider: s.Provider, Context: s.Context, Chained: s.Chained,
	}
	if s.MFA {
		c.MFA = s.MFATime.Unix()
	}
	switch p.Kind {
	case redoubt.User:
		c.ID = p.ID
	case redoubt.Role:
		c.ID = p.IssuerID
	case redoubt.Federated:
		c.ID, c.Name = p.IssuerID, p.Name
	}
	t := &Temporary{AccessKeyID: newID(prefixTemporary, p.Account), Secret: c.Secret, Expires: s.Expires}
	body, err := json.Marshal(&c)
	if err != nil {
		return nil, err
	}
	version := byte(tokenPlain)
	if len(body) > deflateOver {
		version, body = tokenDeflated, Deflate(body)
	}
	blob, err := i.Keys.Seal(purposeSession, append([]byte(t.AccessKeyID), version), body)
	if err != nil {
		return nil, err
	}
	t.Token = base64.StdEncoding.EncodeToString(append([]byte{version}, blob...))
	return t, nil
}

// open reads a token. What it answers is kept by the token's text: a token is
// opened once, and everything that can change about its session is looked up
// at each call.
func (i *Identity) open(accessKeyID, token string) (*session, error) {
	if s, ok := i.sessions.get(token); ok {
		if s.keyID != accessKeyID {
			return nil, ErrTokenInvalid
		}
		return s, nil
	}
	// One spelling per token: the decoder would skip line ends, and whoever has one
	// token could fill the memory of those that were opened with it.
	if len(token) > maxToken || strings.ContainsAny(token, "\r\n") {
		return nil, ErrTokenInvalid
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < 2 || raw[0] != tokenPlain && raw[0] != tokenDeflated {
		return nil, ErrTokenInvalid
	}
	body, err := i.Keys.Open(purposeSession, append([]byte(accessKeyID), raw[0]), raw[1:])
	if err != nil {
		if notAuthentic(err) {
			return nil, ErrTokenInvalid
		}
		return nil, err
	}
	if raw[0] == tokenDeflated {
		if body, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body)), maxClaims)); err != nil {
			return nil, ErrTokenInvalid
		}
	}
	var c claims
	if err := json.Unmarshal(body, &c); err != nil {
		return nil, ErrTokenInvalid
	}
	s := &session{
		keyID: accessKeyID, secret: []byte(c.Secret), account: c.Account, kind: c.Kind, id: c.ID, name: c.Name,
		Session: redoubt.Session{
			Name: c.Session, Policies: c.Policies, PolicyARNs: c.ARNs, Tags: c.Tags, TransitiveTags: c.Transit,
			SourceIdentity: c.Source, Issued: time.Unix(c.Issued, 0).UTC(), Expires: time.Unix(c.Expires, 0).UTC(),
			Provider: c.Provider, Context: c.Context, Chained: c.Chained,
		},
	}
	if c.MFA != 0 {
		s.MFA, s.MFATime = true, time.Unix(c.MFA, 0).UTC()
	}
	i.sessions.put(token, s)
	return s, nil
}

// Deflate compresses b; its length is also what session policies and tags are
// measured by.
func Deflate(b []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	w.Write(b) // a Buffer does not fail
	w.Close()
	return out.Bytes()
}
