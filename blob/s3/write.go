package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
)

// partSize bounds the memory of a writer. 10,000 parts of it are more than the
// largest blob.
const partSize = 8 << 20

const tokenHeader = "X-Amz-Meta-Redoubt-Writer"

type writer struct {
	s      *Store
	ctx    context.Context
	name   string
	token  string
	began  time.Time
	buffer []byte
	upload string // once there is one
	parts  []part
	err    error
	done   bool
}

type part struct {
	PartNumber int
	ETag       string
}

// Create implements blob.Store. Room is the server's to have.
func (s *Store) Create(ctx context.Context, name string, size int64) (blob.Writer, error) {
	if err := s.check(ctx, name); err != nil {
		return nil, err
	}
	var token [16]byte
	rand.Read(token[:])
	w := &writer{s: s, ctx: ctx, name: name, token: hex.EncodeToString(token[:]), began: s.now()}
	if size > 0 {
		w.buffer = make([]byte, 0, min(size, partSize))
	}
	return w, nil
}

func (w *writer) key() string { return w.s.Prefix + w.name }

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 && w.usable() {
		if len(w.buffer) == partSize {
			w.err = w.flush()
			continue
		}
		k := min(len(p), partSize-len(w.buffer))
		w.buffer = append(w.buffer, p[:k]...)
		p, n = p[k:], n+k
	}
	return n, w.err
}

func (w *writer) usable() bool {
	switch {
	case w.err != nil:
	case w.done || w.s.closed.Load():
		w.err = blob.ErrClosed
	case w.ctx.Err() != nil:
		w.err = w.ctx.Err()
	case w.s.now().Sub(w.began) > life:
		w.err = errors.New("blob: this has been written for too long")
	}
	return w.err == nil
}

// flush sends a full part.
func (w *writer) flush() error {
	if w.upload == "" {
		var out struct{ UploadId string }
		r := request{method: http.MethodPost, key: w.key(), query: url.Values{"uploads": {""}}, header: http.Header{tokenHeader: {w.token}}}
		if err := w.s.document(w.ctx, r, &out); err != nil {
			return err
		}
		if out.UploadId == "" {
			return errors.New("blob: the S3 server began an upload without an id")
		}
		w.upload = out.UploadId
		w.s.setAlive(w.upload, true)
	}
	n := len(w.parts) + 1
	a, err := w.s.call(w.ctx, request{
		method: http.MethodPut, key: w.key(), body: w.buffer,
		query: url.Values{"partNumber": {strconv.Itoa(n)}, "uploadId": {w.upload}},
	})
	if err != nil {
		return err
	}
	w.parts = append(w.parts, part{n, a.header.Get("ETag")})
	w.buffer = w.buffer[:0]
	return nil
}

// Commit implements blob.Writer.
func (w *writer) Commit() error {
	if w.done {
		return blob.ErrClosed
	}
	if w.usable() {
		if w.upload == "" {
			w.err = w.put()
		} else {
			w.err = w.complete()
		}
	}
	if w.err != nil {
		err := w.err
		if aerr := w.Abort(); aerr != nil {
			err = errors.Join(err, aerr)
		}
		return err
	}
	w.done, w.buffer = true, nil
	w.s.setAlive(w.upload, false)
	return nil
}

func (w *writer) put() error {
	_, err := w.s.call(w.ctx, request{
		method: http.MethodPut, key: w.key(), body: w.buffer,
		header: http.Header{"If-None-Match": {"*"}, tokenHeader: {w.token}},
	})
	return w.ours(err)
}

func (w *writer) complete() error {
	if len(w.buffer) > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	body, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
		Part    []part
	}{Part: w.parts})
	if err != nil {
		return fmt.Errorf("blob: %w", err)
	}
	_, err = w.s.call(w.ctx, request{
		method: http.MethodPost, key: w.key(), body: body, query: url.Values{"uploadId": {w.upload}},
		header: http.Header{"If-None-Match": {"*"}, "Content-Type": {"application/xml"}},
	})
	return w.ours(err)
}

// ours turns a refusal into success where an earlier try, whose answer was lost,
// has written the blob: then it carries this writer's token.
func (w *writer) ours(err error) error {
	var f *failure
	if !errors.As(err, &f) || !f.again || !errors.Is(err, blob.ErrExists) && !errors.Is(err, blob.ErrNotFound) {
		return err
	}
	_, token, serr := w.s.stat(w.ctx, w.name)
	if serr == nil && token == w.token {
		return nil
	}
	return err
}

// Abort implements blob.Writer. The writer's context may have ended; what cannot
// be removed now, Sweep removes.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.done, w.buffer = true, nil
	if w.upload == "" {
		return nil
	}
	defer w.s.setAlive(w.upload, false)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 30*time.Second)
	defer cancel()
	return w.s.abort(ctx, w.key(), w.upload)
}
