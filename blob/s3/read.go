package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/redoubt-sec/redoubt/blob"
)

// reader reads a range, with as many requests as it takes.
type reader struct {
	s      *Store
	ctx    context.Context
	name   string
	offset int64
	left   int64 // negative: to the end
	body   io.ReadCloser
	tries  int // without a byte
	err    error
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error) {
	if err := s.check(ctx, name); err != nil {
		return nil, err
	}
	r := &reader{s: s, ctx: ctx, name: name, offset: offset, left: length}
	if length == 0 {
		_, err := s.Stat(ctx, name)
		return r, err
	}
	for {
		err := r.request()
		if err == nil || err == io.EOF {
			return r, nil
		}
		if !r.retry(err) {
			return nil, err
		}
	}
}

// request asks for what is left.
func (r *reader) request() error {
	to := ""
	if r.left > 0 {
		to = fmt.Sprint(r.offset + r.left - 1)
	}
	resp, err := r.s.send(r.ctx, request{
		method: http.MethodGet, key: r.s.Prefix + r.name,
		header: http.Header{"Range": {fmt.Sprintf("bytes=%d-%s", r.offset, to)}},
	})
	var f *failure
	if errors.As(err, &f) && f.Status == http.StatusRequestedRangeNotSatisfiable {
		r.left = 0
		return io.EOF // the blob ends before
	}
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK && r.offset > 0 {
		// A server that knows no ranges.
		if _, err := io.CopyN(io.Discard, resp.Body, r.offset); err != nil {
			resp.Body.Close()
			if err == io.EOF {
				r.left = 0
			}
			return err
		}
	}
	r.body = resp.Body
	return nil
}

// retry decides whether a failure may pass, and waits for that.
func (r *reader) retry(err error) bool {
	var f *failure
	if r.ctx.Err() != nil || errors.As(err, &f) && !f.passing() {
		return false
	}
	r.tries++
	return r.tries < tries && pause(r.ctx, r.tries) == nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for r.err == nil && len(p) > 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		var n int
		var err error
		if r.body == nil {
			err = r.request()
		} else {
			q := p
			if r.left > 0 {
				q = p[:min(int64(len(p)), r.left)]
			}
			n, err = r.body.Read(q)
		}
		if n > 0 {
			r.offset += int64(n)
			if r.left > 0 {
				r.left -= int64(n)
			}
			r.tries = 0
			return n, nil
		}
		switch {
		case err == nil:
		case err == io.EOF:
			return 0, io.EOF
		default:
			r.drop()
			if !r.retry(err) {
				if !errors.Is(err, blob.ErrNotFound) {
					err = fmt.Errorf("blob: reading %s: %w", r.name, err)
				}
				r.err = err
			}
		}
	}
	return 0, r.err
}

func (r *reader) drop() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.drop()
	r.err = blob.ErrClosed
	return nil
}
