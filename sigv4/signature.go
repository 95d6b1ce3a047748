package sigv4

import (
	"strings"
	"time"
)

// The algorithm, and the fixed last part of a credential scope.
const (
	Algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
)

// Forms of dates on the wire.
const (
	dateTime = "20060102T150405Z"
	dateOnly = "20060102"
)

// MaxExpires is the longest life of a presigned URL.
const MaxExpires = 7 * 24 * time.Hour

// Scope is the credential scope.
type Scope struct {
	Date       string // YYYYMMDD
	Region     string
	Service    string // signing name
	Terminator string // "aws4_request" in every valid signature
}

// Payload says how a body is bound to the signature.
type Payload uint8

// The forms of x-amz-content-sha256.
const (
	// Hashed: the signature covers the hash of the whole body.
	Hashed Payload = iota
	// Unsigned: UNSIGNED-PAYLOAD.
	Unsigned
	// Chunks: STREAMING-AWS4-HMAC-SHA256-PAYLOAD.
	Chunks
	// ChunksTrailer: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER.
	ChunksTrailer
	// UnsignedTrailer: STREAMING-UNSIGNED-PAYLOAD-TRAILER.
	UnsignedTrailer
)

// Streaming reports whether the body is in aws-chunked coding.
func (p Payload) Streaming() bool { return p >= Chunks }

var payloads = [...]string{
	Unsigned:        "UNSIGNED-PAYLOAD",
	Chunks:          "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
	ChunksTrailer:   "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
	UnsignedTrailer: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
}

// Signature is a request's claim of who signed it, taken apart. Nothing in it is
// proven before Verify answered nil.
type Signature struct {
	AccessKeyID   string
	Scope         Scope
	Time          time.Time // when it was signed
	SignedHeaders string    // "host;x-amz-date"
	SessionToken  string    // empty for long-lived credentials
	Presigned     bool      // in the query
	// Expires is how long a presigned URL lives; HasExpires tells zero from absent.
	Expires    time.Duration
	HasExpires bool

	form       string   // the policy document, of a form
	mac        [32]byte // the signature
	algorithm  string
	credential string // as sent
	amzDate    string // the time as it stands in the string to sign
	req        *Request
	path       string
	query      []param
	expect     Expect
	payload    Payload
	hash       string // of the payload, as it stands in the canonical request
	key        *Key   // after Verify
}

// Payload says how the body is bound; valid after Check.
func (s *Signature) Payload() Payload { return s.payload }

// PayloadHash is x-amz-content-sha256 as the signature covers it, in the header or
// the query; empty where the body's own hash was taken. Valid after Check.
func (s *Signature) PayloadHash() string { return s.hash }

// MAC is the signature itself: the same for every spelling of a request that
// Verify accepts, so that replays can be told by it.
func (s *Signature) MAC() [32]byte { return s.mac }

func parsePayload(v string) (Payload, bool) {
	for p := Unsigned; p <= UnsignedTrailer; p++ {
		if payloads[p] == v {
			return p, true
		}
	}
	return Hashed, isHash(v)
}

func isHash(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// signs reports whether the signature covers the header, given in lower case.
func (s *Signature) signs(name string) bool {
	for rest := s.SignedHeaders; ; {
		h, more, found := strings.Cut(rest, ";")
		if strings.EqualFold(h, name) {
			return true
		}
		if !found {
			return false
		}
		rest = more
	}
}
