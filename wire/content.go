package wire

import (
	"bytes"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// Content is the body after its Content-Encoding is undone. AWS's SDKs
// compress large PutMetricData requests with gzip. No more than limit bytes
// are ever produced, so a compression bomb costs what a plain body of that
// size would.
func (r *Request) Content(limit int) ([]byte, error) {
	if r.have&haveContent != 0 {
		return r.content, nil
	}
	limit = max(limit, r.Limit)
	body := r.Body
	if len(body) > limit {
		return nil, TooLarge()
	}
	if enc := r.Header["Content-Encoding"]; len(enc) > 0 {
		var err error
		if body, err = inflate(body, strings.Join(enc, ","), limit); err != nil {
			return nil, err
		}
	}
	r.content = body
	r.have |= haveContent
	return body, nil
}

const (
	haveContent = 1 << iota
	haveQuery
	haveForm
)

// inflate undoes a final gzip. What is left of the header (aws-chunked, a
// caller's own name) describes the content and is the service's business.
func inflate(body []byte, encoding string, limit int) ([]byte, error) {
	last := encoding[strings.LastIndexByte(encoding, ',')+1:]
	if !strings.EqualFold(strings.TrimSpace(last), "gzip") || len(body) == 0 {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, ErrEncoding.New("The request body is not valid gzip.")
	}
	out, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if len(out) > limit {
		return nil, TooLarge()
	}
	if err != nil {
		return nil, ErrEncoding.New("The request body is not valid gzip.")
	}
	return out, nil
}
