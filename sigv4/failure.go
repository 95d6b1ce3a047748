package sigv4

import (
	"strings"
	"time"
)

// Kind says why a request was not accepted. AWS's services word and code the
// same failure differently: Failure.Refusal gives the words.
type Kind uint8

// The failures, about in the order in which they are looked for.
const (
	NoSignature     Kind = iota // nothing authenticates the request
	OtherScheme                 // authenticated in a way that is not ours, Signature Version 2 for one
	BothForms                   // signed in header and query
	Repeated                    // something that authenticates appears twice
	BadTarget                   // the query cannot be decoded
	Malformed                   // Authorization header that cannot be taken apart
	Incomplete                  // parts are missing
	BadAlgorithm                // not AWS4-HMAC-SHA256
	BadDate                     // unreadable time
	BadCredential               // not key/date/region/service/aws4_request
	BadExpires                  // X-Amz-Expires is no number, negative or above a week
	TooOld                      // signed before the window
	TooNew                      // signed after the window
	Expired                     // presigned URL past its end
	NotYetValid                 // presigned URL before its beginning
	HostUnsigned                // host is not among the signed headers
	HeadersUnsigned             // x-amz-* headers that are not signed
	WrongScope                  // scope is not where the request went
	HashMissing                 // S3 without x-amz-content-sha256
	HashInvalid                 // x-amz-content-sha256 is none of its forms
	LengthMissing               // aws-chunked without x-amz-decoded-content-length
	UnknownKey                  // no such access key, or inactive
	BadToken                    // session token missing, wrong or of another key
	ExpiredToken                // session is over
	Mismatch                    // the signature is not the one computed
	BodyMismatch                // the body is not the one that was hashed
	BodyIncomplete              // the body ended early or its chunks are malformed
	ChunkTooSmall               // a chunk other than the last is below 8 KiB
	BadTrailer                  // trailers malformed or not those announced
	numKinds
)

// Failure is the error of Parse, Check, Verify and of readers from Body.
type Failure struct {
	Kind Kind

	query         bool   // signed in the query
	form          bool   // signed by a field of a form
	got, want     string // what was wrong, what would have been right
	missing       []string
	at, now       time.Time
	window        time.Duration // skew window, or life of a presigned URL
	accessKeyID   string
	stringToSign  string
	canonical     string
	signature     string
	scope, routed Scope
}

// Fail makes a failure that only the caller can find: UnknownKey, BadToken,
// ExpiredToken. s may be nil.
func Fail(k Kind, s *Signature) *Failure {
	f := &Failure{Kind: k}
	if s != nil {
		f.query = s.Presigned
		f.accessKeyID = s.AccessKeyID
	}
	return f
}

var kindNames = [numKinds]string{
	"no signature", "other authentication scheme", "signed in header and query", "repeated authentication parameter", "undecodable query",
	"malformed authorization", "incomplete signature", "unsupported algorithm", "unreadable date", "malformed credential",
	"bad X-Amz-Expires", "signature too old", "signature too new", "presigned URL expired", "presigned URL not yet valid",
	"host not signed", "headers not signed", "wrong credential scope", "payload hash missing", "payload hash invalid",
	"decoded length missing", "unknown access key", "invalid session token", "expired session token",
	"signature mismatch", "body mismatch", "body incomplete", "chunk too small", "malformed trailer",
}

func (k Kind) String() string {
	if k < numKinds {
		return kindNames[k]
	}
	return "unknown failure"
}

// Error is for logs: it names the kind and nothing that the request carried.
func (f *Failure) Error() string { return "sigv4: " + f.Kind.String() }

// Is makes errors.Is(err, sigv4.UnknownKey) work.
func (f *Failure) Is(target error) bool {
	k, ok := target.(Kind)
	return ok && k == f.Kind
}

// Error lets a Kind stand in errors.Is.
func (k Kind) Error() string { return "sigv4: " + k.String() }

// clip bounds what a refusal repeats of a request.
func clip(s string) string {
	const most = 128
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "?")
}
