package sigv4

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Signer signs requests that this program sends: the command line's calls to the
// server, and requests to external key stores (service "kms-xks-proxy").
type Signer struct {
	AccessKeyID  string
	Secret       string
	SessionToken string // empty for long-lived credentials
	Region       string
	Service      string // signing name
	S3           bool   // the receiver is S3: paths are encoded once
}

// Sign adds X-Amz-Date, X-Amz-Security-Token and Authorization to r, for S3
// X-Amz-Content-Sha256 as well. body is the whole body that will be sent. It signs
// Host, Content-Type and every x-amz-* header: set them before.
func (s *Signer) Sign(r *http.Request, body []byte, now time.Time) {
	now = now.UTC()
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	h := r.Header
	h.Del("Authorization")
	h.Set("X-Amz-Date", now.Format(dateTime))
	h.Del("X-Amz-Security-Token")
	if s.SessionToken != "" {
		h.Set("X-Amz-Security-Token", s.SessionToken)
	}
	if s.S3 {
		h.Set("X-Amz-Content-Sha256", hash)
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	names := []string{"host"}
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-") || name == "Content-Type" {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	query, _ := parseQuery(r.URL.RawQuery)
	sig := &Signature{
		req:           &Request{Method: r.Method, Host: host, Header: h},
		path:          r.URL.EscapedPath(),
		query:         query,
		SignedHeaders: strings.Join(names, ";"),
		Scope:         Scope{now.Format(dateOnly), s.Region, s.Service, terminator},
		amzDate:       now.Format(dateTime),
		expect:        Expect{S3: s.S3},
	}
	b, f := sig.appendCanonical(nil)
	if f != nil {
		b = nil // a target that net/http refuses to send as well
	}
	b = append(b, hash...)
	n := len(b)
	b = sig.appendStringToSign(b)
	var mac [32]byte
	Derive(s.Secret, sig.Scope.Date, s.Region, s.Service).sum(&mac, b[n:])
	h.Set("Authorization", Algorithm+" Credential="+s.AccessKeyID+"/"+sig.Scope.Date+"/"+s.Region+"/"+s.Service+"/"+terminator+
		", SignedHeaders="+sig.SignedHeaders+", Signature="+hex.EncodeToString(mac[:]))
}
