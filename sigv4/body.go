package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strconv"
)

// Body is a request body that proves itself while it is read. Its last bytes
// come out only after everything was checked, hence: whoever keeps what it reads
// makes it visible only after io.EOF or after Length bytes.
type Body struct {
	r        io.Reader
	length   int64 // decoded; -1 unknown
	chunks   *chunks
	digest   hash.Hash // of a Hashed body
	want     string
	trailer  http.Header
	trailers []string // promised
	err      error
}

// Body wraps the body of a request whose signature was verified: a chunked body
// is decoded and each chunk's signature checked, a hashed body of S3 is compared
// with its hash, an unsigned one passes. Memory is constant. Readers fail with a
// *Failure, or as r fails.
func (s *Signature) Body(r io.Reader) (*Body, error) {
	if s.key == nil {
		return nil, Fail(Mismatch, s) // never verified
	}
	return s.body(r)
}

// Unproven wraps the body of an S3 request that nobody proves: one that carries no
// signature, or whose secret nobody knows (dev mode). It is decoded and compared
// with what its head says of it, but signatures of chunks are not.
func Unproven(q *Request, r io.Reader) (*Body, error) {
	s := &Signature{req: q, expect: Expect{S3: true}, payload: Unsigned}
	if sent := first(q.Header, "X-Amz-Content-Sha256"); sent != "" {
		p, ok := parsePayload(sent)
		if !ok {
			return nil, &Failure{Kind: HashInvalid, got: clip(sent)}
		}
		s.payload, s.hash = p, sent
	}
	return s.body(r)
}

func (s *Signature) body(r io.Reader) (*Body, error) {
	b := &Body{r: r, length: -1, trailers: announced(s.req.Header)}
	if s.payload.Streaming() {
		n, err := strconv.ParseInt(first(s.req.Header, "X-Amz-Decoded-Content-Length"), 10, 64)
		if err != nil || n < 0 {
			return nil, Fail(LengthMissing, s)
		}
		b.length = n
		b.chunks = newChunks(s, bufio.NewReaderSize(r, 4096), n)
		return b, nil
	}
	if n, err := strconv.ParseInt(first(s.req.Header, "Content-Length"), 10, 64); err == nil && n >= 0 {
		b.length = n
	}
	if s.payload == Hashed && s.expect.S3 {
		b.digest, b.want = sha256.New(), s.hash
	}
	return b, nil
}

// Length is the size of the decoded body in bytes, or -1 when nothing says.
func (b *Body) Length() int64 { return b.length }

// Announced are the trailing headers that the request's head promises, in lower
// case.
func (b *Body) Announced() []string { return b.trailers }

// Trailer holds the trailing headers, once Read has answered io.EOF.
func (b *Body) Trailer() http.Header { return b.trailer }

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	var n int
	if b.chunks != nil {
		n, b.err = b.chunks.read(p)
		b.trailer = b.chunks.trailer
		return n, b.err
	}
	n, b.err = b.r.Read(p)
	if b.digest == nil {
		return n, b.err
	}
	b.digest.Write(p[:n])
	if b.err == io.EOF {
		if got := hex.EncodeToString(b.digest.Sum(nil)); got != b.want {
			b.err = &Failure{Kind: BodyMismatch, got: got, want: b.want}
			return 0, b.err
		}
	}
	return n, b.err
}
