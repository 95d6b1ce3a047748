package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"net/http"
	"slices"
	"strings"
)

const (
	// minChunk is S3's smallest chunk but for the last.
	minChunk = 8 << 10
	// A chunk's head is a size of at most 16 digits, the signature's name and 64 digits.
	maxChunkHead = 16 + len(chunkSignature) + 64 + 2
	maxTrailers  = 16

	chunkSignature   = ";chunk-signature="
	trailerSignature = "x-amz-trailer-signature"
	emptyHash        = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// chunks decodes aws-chunked coding (Amazon S3 API Reference, "Signature
// Calculations for the Authorization Header: Transferring Payload in Multiple
// Chunks", "… Including Trailing Headers"):
//
//	size in hex [;chunk-signature=64 hex] CRLF data CRLF
//	… 0 [;chunk-signature=…] CRLF
//	[name:value CRLF … [x-amz-trailer-signature:64 hex CRLF]] CRLF
//
// Every chunk's signature covers the one before, the first covers the request's:
// chunks can't be dropped, reordered or taken from another request.
type chunks struct {
	s       *Signature
	r       *bufio.Reader
	signed  bool
	left    int64 // of this chunk
	size    int64 // of this chunk
	unread  int64 // of the decoded body
	open    bool  // inside a chunk
	sum     hash.Hash
	claimed [32]byte // this chunk's signature as sent
	prev    [32]byte
	trailer http.Header
	scratch []byte
}

func newChunks(s *Signature, r *bufio.Reader, length int64) *chunks {
	return &chunks{
		s: s, r: r, unread: length, signed: s.payload != UnsignedTrailer,
		sum: sha256.New(), prev: s.mac,
	}
}

func (c *chunks) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !c.open {
		if err := c.head(); err != nil {
			return 0, err
		}
		if c.size == 0 {
			return 0, c.finish()
		}
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	if c.signed {
		c.sum.Write(p[:n])
	}
	c.left -= int64(n)
	c.unread -= int64(n)
	if c.left > 0 {
		if err == io.EOF {
			err = c.broken()
		}
		return n, err
	}
	if err := c.close(); err != nil {
		return 0, err
	}
	if c.unread > 0 {
		return n, nil
	}
	// The body is complete: what follows is checked before its last bytes leave.
	if err := c.head(); err != nil {
		return 0, err
	}
	if c.size != 0 {
		return 0, c.broken()
	}
	if err := c.finish(); err != io.EOF {
		return 0, err
	}
	return n, io.EOF
}

// head reads the line before a chunk's data.
func (c *chunks) head() error {
	line, err := c.line(maxChunkHead)
	if err != nil {
		return err
	}
	digits, sig, has := bytes.Cut(line, []byte(chunkSignature))
	if has != c.signed || len(digits) == 0 || len(digits) > 16 {
		return c.broken()
	}
	var size int64
	for _, d := range digits {
		v, ok := unhex(d)
		if !ok || size>>59 != 0 {
			return c.broken()
		}
		size = size<<4 | int64(v)
	}
	if c.signed {
		if !isHash(string(sig)) {
			return c.broken()
		}
		hex.Decode(c.claimed[:], sig)
	}
	if size > c.unread || size == 0 && c.unread > 0 {
		return c.broken()
	}
	if size > 0 && c.size > 0 && c.size < minChunk {
		return &Failure{Kind: ChunkTooSmall}
	}
	c.size, c.left, c.open = size, size, true
	c.sum.Reset()
	return nil
}

// close reads what ends a chunk's data and checks its signature.
func (c *chunks) close() error {
	var end [2]byte
	if _, err := io.ReadFull(c.r, end[:]); err != nil {
		return c.failed(err)
	}
	if end != [2]byte{'\r', '\n'} {
		return c.broken()
	}
	c.open = false
	return c.verify()
}

func (c *chunks) verify() error {
	if !c.signed {
		return nil
	}
	b := append(c.scratch[:0], "AWS4-HMAC-SHA256-PAYLOAD\n"...)
	b = append(c.s.appendScope(b), '\n')
	b = append(hex.AppendEncode(b, c.prev[:]), '\n')
	b = append(b, emptyHash+"\n"...)
	var sum [32]byte
	b = hex.AppendEncode(b, c.sum.Sum(sum[:0]))
	c.scratch = b
	return c.compare(b)
}

func (c *chunks) compare(stringToSign []byte) error {
	if c.s.key == nil {
		return nil // Unproven
	}
	c.s.key.sum(&c.prev, stringToSign)
	if subtle.ConstantTimeCompare(c.prev[:], c.claimed[:]) == 1 {
		return nil
	}
	return &Failure{
		Kind: Mismatch, accessKeyID: c.s.AccessKeyID,
		stringToSign: string(stringToSign), signature: hex.EncodeToString(c.claimed[:]),
	}
}

// finish handles what follows the head of the empty last chunk.
func (c *chunks) finish() error {
	if err := c.verify(); err != nil {
		return err
	}
	if c.s.payload == Chunks {
		line, err := c.line(2)
		if err == nil && len(line) > 0 {
			err = c.broken()
		}
		if err != nil {
			return err
		}
	} else if err := c.trailers(); err != nil {
		return err
	}
	if _, err := c.r.ReadByte(); err != io.EOF {
		if err == nil {
			err = c.broken()
		}
		return err
	}
	return io.EOF
}

func (c *chunks) trailers() error {
	bad := &Failure{Kind: BadTrailer}
	b := append(c.scratch[:0], "AWS4-HMAC-SHA256-TRAILER\n"...)
	b = append(c.s.appendScope(b), '\n')
	b = append(hex.AppendEncode(b, c.prev[:]), '\n')
	digest := sha256.New()
	found := http.Header{}
	var names []string
	proven := !c.signed
	for {
		line, err := c.line(4096)
		if err != nil {
			return err
		}
		if len(line) == 0 {
			break
		}
		name, value, ok := strings.Cut(string(line), ":")
		name, value = strings.ToLower(name), strings.TrimSpace(value)
		if !ok || len(names) == maxTrailers {
			return bad
		}
		if c.signed && name == trailerSignature {
			if proven || !isHash(value) {
				return bad
			}
			hex.Decode(c.claimed[:], []byte(value))
			var sum [32]byte
			if err := c.compare(hex.AppendEncode(b, digest.Sum(sum[:0]))); err != nil {
				return err
			}
			proven = true
			continue
		}
		if proven && c.signed || slices.Contains(names, name) {
			return bad
		}
		names = append(names, name)
		found.Set(name, value)
		io.WriteString(digest, name+":"+value+"\n")
	}
	if !proven || !slices.Equal(slices.Sorted(slices.Values(names)), announced(c.s.req.Header)) {
		return bad
	}
	c.trailer = found
	return nil
}

// announced lists the trailers that the head promised, sorted.
func announced(h http.Header) []string {
	var names []string
	for _, v := range h["X-Amz-Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// line reads one line of at most most bytes with its end, and answers it without.
func (c *chunks) line(most int) ([]byte, error) {
	line, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) || len(line) > most {
		return nil, c.broken()
	}
	if err != nil {
		return nil, c.failed(err)
	}
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return nil, c.broken()
	}
	return line, nil
}

func (c *chunks) failed(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return c.broken()
	}
	return err
}

func (c *chunks) broken() error { return &Failure{Kind: BodyIncomplete} }
