package sigv4

import (
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// ParseForm takes apart the signature of an HTML form that puts an object into S3:
// its fields, by lower-case name, stand for headers, and what is signed is the policy
// document among them. A form without a policy fails with NoSignature. Source: Amazon
// S3 API Reference, "Authenticating Requests in Browser-Based Uploads Using POST".
func ParseForm(r *Request, fields map[string]string) (*Signature, error) {
	if fields["policy"] == "" && fields["x-amz-signature"] == "" {
		return nil, &Failure{Kind: NoSignature}
	}
	s := &Signature{req: r, form: fields["policy"], Presigned: true}
	f := s.parseForm(fields)
	if f == nil {
		f = s.parseCredential()
	}
	if f != nil {
		f.query, f.form, f.accessKeyID = true, true, s.AccessKeyID
		return nil, f
	}
	return s, nil
}

func (s *Signature) parseForm(fields map[string]string) *Failure {
	var missing []string
	for _, name := range []string{"Policy", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"} {
		if fields[strings.ToLower(name)] == "" {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return &Failure{Kind: Incomplete, missing: missing}
	}
	if date := fields["x-amz-date"]; len(date) != len(dateTime) || !s.parseTime(date) {
		return &Failure{Kind: BadDate, got: clip(date)}
	}
	s.algorithm, s.credential, s.SessionToken = fields["x-amz-algorithm"], fields["x-amz-credential"], fields["x-amz-security-token"]
	s.parseMAC(fields["x-amz-signature"])
	return nil
}

// verifyForm compares the signature over the policy document.
func (s *Signature) verifyForm(c Credential) error {
	secret, err := c.Secret()
	if err != nil {
		return err
	}
	key := Derive(secret, s.Scope.Date, s.Scope.Region, s.Scope.Service)
	var mac [32]byte
	key.sum(&mac, []byte(s.form))
	if subtle.ConstantTimeCompare(mac[:], s.mac[:]) != 1 {
		return &Failure{Kind: Mismatch, query: true, accessKeyID: s.AccessKeyID, stringToSign: s.form, signature: hex.EncodeToString(s.mac[:])}
	}
	s.key = key
	return nil
}
