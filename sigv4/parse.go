package sigv4

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAuthorization bounds the Authorization header; a real one takes some 300
// bytes and little more when many headers are signed.
const maxAuthorization = 16 << 10

// Parse takes the signature of r apart. A request that carries none fails with
// NoSignature: an anonymous request, where the service admits those.
func Parse(r *Request) (*Signature, error) {
	path, rawQuery := r.split()
	query, ok := parseQuery(rawQuery)
	if !ok {
		return nil, &Failure{Kind: BadTarget}
	}
	s := &Signature{req: r, path: path, query: query}
	presigned, version2 := false, false
	for i := range query {
		switch query[i].name {
		case "X-Amz-Algorithm":
			presigned = true
		case "AWSAccessKeyId":
			version2 = true
		}
	}
	auth := r.Header["Authorization"]
	var f *Failure
	switch {
	case len(auth) > 0 && presigned:
		f = &Failure{Kind: BothForms}
	case len(auth) > 1:
		f = &Failure{Kind: Repeated, got: "Authorization"}
	case len(auth) == 1:
		f = s.parseHeader(strings.TrimSpace(auth[0]))
	case presigned:
		s.Presigned = true
		f = s.parseQuery()
	case version2:
		f = &Failure{Kind: OtherScheme, got: "AWS"}
	default:
		f = &Failure{Kind: NoSignature}
	}
	if f == nil {
		f = s.parseCredential()
	}
	if f != nil {
		f.query = s.Presigned
		f.accessKeyID = s.AccessKeyID
		return nil, f
	}
	return s, nil
}

func (s *Signature) parseHeader(auth string) *Failure {
	algorithm, rest, _ := strings.Cut(auth, " ")
	if !strings.HasPrefix(algorithm, "AWS4-") {
		return &Failure{Kind: OtherScheme, got: clip(algorithm)}
	}
	if len(auth) > maxAuthorization {
		return &Failure{Kind: Malformed, want: hashed(auth)}
	}
	var credential, signed, signature string
	var has [3]bool
	for rest != "" {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return &Failure{Kind: Malformed, got: clip(name), want: hashed(part)}
		}
		i := 0
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			i, signed = 1, value
		case "Signature":
			i, signature = 2, value
		default:
			return &Failure{Kind: Malformed, got: clip(name), want: hashed(part)}
		}
		if has[i] {
			return &Failure{Kind: Repeated, got: name}
		}
		has[i] = true
	}
	var missing []string
	if credential == "" {
		missing = append(missing, "Credential")
	}
	if signature == "" {
		missing = append(missing, "Signature")
	}
	if signed == "" {
		missing = append(missing, "SignedHeaders")
	}
	h := s.req.Header
	for _, name := range [...]string{"X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256"} {
		if len(h[name]) > 1 {
			return &Failure{Kind: Repeated, got: name}
		}
	}
	date := first(h, "X-Amz-Date")
	if date == "" {
		if date = first(h, "Date"); date == "" || len(h["Date"]) > 1 {
			missing = append(missing, "Date")
		}
	}
	if missing != nil {
		return &Failure{Kind: Incomplete, want: hashed(auth), missing: missing}
	}
	if !s.parseTime(date) {
		return &Failure{Kind: BadDate, got: clip(date)}
	}
	s.algorithm, s.credential, s.SignedHeaders = algorithm, credential, signed
	s.parseMAC(signature)
	s.SessionToken = first(h, "X-Amz-Security-Token")
	return nil
}

// The parameters of a presigned URL, in the order in which AWS names missing ones.
var queryParams = [...]string{
	"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date",
	"X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-Content-Sha256",
}

func (s *Signature) parseQuery() *Failure {
	var v [len(queryParams)]string
	var has [len(queryParams)]bool
	for _, p := range s.query {
		if !strings.HasPrefix(p.name, "X-Amz-") {
			continue
		}
		for i, name := range queryParams {
			if p.name == name {
				if has[i] {
					return &Failure{Kind: Repeated, got: name}
				}
				v[i], has[i] = decode(p.value), true
			}
		}
	}
	var missing []string
	for i := range 5 {
		if v[i] == "" {
			missing = append(missing, queryParams[i])
		}
	}
	if missing != nil {
		return &Failure{Kind: Incomplete, missing: missing}
	}
	if len(v[4]) != len(dateTime) || !s.parseTime(v[4]) {
		return &Failure{Kind: BadDate, got: clip(v[4])}
	}
	if has[5] {
		n, err := strconv.ParseInt(v[5], 10, 64)
		switch {
		case err != nil:
			return &Failure{Kind: BadExpires, want: "should be a number"}
		case n < 0:
			return &Failure{Kind: BadExpires, want: "must be non-negative"}
		case n > int64(MaxExpires/time.Second):
			return &Failure{Kind: BadExpires, want: "must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"}
		}
		s.Expires, s.HasExpires = time.Duration(n)*time.Second, true
	}
	h := s.req.Header
	token := h["X-Amz-Security-Token"]
	if len(token) > 1 || len(token) == 1 && has[6] {
		return &Failure{Kind: Repeated, got: "X-Amz-Security-Token"}
	}
	if sum := h["X-Amz-Content-Sha256"]; len(sum) > 1 || len(sum) == 1 && has[7] {
		return &Failure{Kind: Repeated, got: "X-Amz-Content-Sha256"}
	}
	s.SessionToken = v[6]
	if len(token) == 1 {
		s.SessionToken = token[0]
	}
	s.hash = v[7]
	s.algorithm, s.credential, s.SignedHeaders = v[0], v[1], v[3]
	s.parseMAC(v[2])
	return nil
}

// parseCredential also refuses other algorithms, so that what comes after may
// rely on this one.
func (s *Signature) parseCredential() *Failure {
	if s.algorithm != Algorithm {
		return &Failure{Kind: BadAlgorithm, got: clip(s.algorithm)}
	}
	var part [5]string
	rest, ok := s.credential, true
	for i := range part {
		var more bool
		part[i], rest, more = strings.Cut(rest, "/")
		ok = ok && more == (i < 4)
	}
	if !ok || part[0] == "" || len(part[0]) > 128 {
		return &Failure{Kind: BadCredential, got: clip(s.credential)}
	}
	s.AccessKeyID = part[0]
	s.Scope = Scope{part[1], part[2], part[3], part[4]}
	return nil
}

// parseTime reads the basic form of ISO 8601, and for Date headers that of HTTP.
func (s *Signature) parseTime(v string) bool {
	if len(v) == len(dateTime) {
		t, ok := parseDateTime(v)
		s.Time, s.amzDate = t, v
		return ok
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return false
	}
	s.Time = t.UTC()
	s.amzDate = s.Time.Format(dateTime)
	return true
}

// parseDateTime is time.Parse for dateTime, at a tenth of its cost. v is as long.
func parseDateTime(v string) (time.Time, bool) {
	n, ok := [6]int{}, v[8] == 'T' && v[15] == 'Z'
	for i, at := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {9, 11}, {11, 13}, {13, 15}} {
		for _, c := range []byte(v[at[0]:at[1]]) {
			ok = ok && '0' <= c && c <= '9'
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	// What time.Date had to carry over was no date.
	ok = ok && t.Day() == n[2] && int(t.Month()) == n[1] && n[3] < 24 && n[4] < 60 && n[5] < 60
	return t, ok
}

// parseMAC leaves a signature that cannot be right as zeros, which no key
// produces: it fails where wrong signatures fail.
func (s *Signature) parseMAC(v string) {
	if !isHash(v) {
		return
	}
	hex.Decode(s.mac[:], []byte(v))
}

func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// hashed stands for a value that must not be repeated, in the form that AWS uses.
func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}
