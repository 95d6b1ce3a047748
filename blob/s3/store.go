package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
)

// Doer sends requests: the guarded client of package egress.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Signer signs a request with SigV4 as S3 wants it; body is the whole body.
type Signer interface {
	Sign(r *http.Request, body []byte, now time.Time)
}

// Config says where the bucket is.
type Config struct {
	Endpoint string // URL without a path; the bucket goes into the path
	Bucket   string
	Prefix   string // of keys; empty, or ending in "/"
	Client   Doer
	Signer   Signer
}

// Store is a bucket of blobs.
type Store struct {
	Config
	closed atomic.Bool

	mu   sync.Mutex
	live map[string]bool // uploads of this process

	now func() time.Time
}

// New answers the blobs in a bucket, which exists. It asks nothing of the server.
func New(c Config) (*Store, error) {
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("blob: %q is not the address of an S3 server", c.Endpoint)
	}
	if c.Bucket == "" || strings.ContainsAny(c.Bucket, "/?#%") {
		return nil, fmt.Errorf("blob: %q is not a bucket", c.Bucket)
	}
	c.Endpoint = u.Scheme + "://" + u.Host
	return &Store{Config: c, live: map[string]bool{}, now: time.Now}, nil
}

func (s *Store) check(ctx context.Context, name string) error {
	if s.closed.Load() {
		return blob.ErrClosed
	}
	if !blob.Valid(name) {
		return fmt.Errorf("%w: %q", blob.ErrName, name)
	}
	return ctx.Err()
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, name string) (blob.Info, error) {
	info, _, err := s.stat(ctx, name)
	return info, err
}

// stat answers the token of the blob's writer as well.
func (s *Store) stat(ctx context.Context, name string) (blob.Info, string, error) {
	if err := s.check(ctx, name); err != nil {
		return blob.Info{}, "", err
	}
	a, err := s.call(ctx, request{method: http.MethodHead, key: s.Prefix + name})
	if err != nil {
		return blob.Info{}, "", err
	}
	at, _ := http.ParseTime(a.header.Get("Last-Modified"))
	size, err := strconv.ParseInt(a.header.Get("Content-Length"), 10, 64)
	if err != nil {
		return blob.Info{}, "", fmt.Errorf("blob: the server does not tell the size of %s", name)
	}
	return blob.Info{Name: name, Size: size, Modified: at}, a.header.Get(tokenHeader), nil
}

// Remove implements blob.Store.
func (s *Store) Remove(ctx context.Context, name string) error {
	if err := s.check(ctx, name); err != nil {
		return err
	}
	_, err := s.call(ctx, request{method: http.MethodDelete, key: s.Prefix + name})
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

type listing struct {
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct {
		Key          string
		Size         int64
		LastModified time.Time
	}
}

// List implements blob.Store.
func (s *Store) List(ctx context.Context, after string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		q := url.Values{"list-type": {"2"}, "prefix": {s.Prefix}}
		if after != "" {
			q.Set("start-after", s.Prefix+after)
		}
		for {
			var l listing
			if s.closed.Load() {
				yield(blob.Info{}, blob.ErrClosed)
				return
			}
			if err := s.document(ctx, request{method: http.MethodGet, query: q}, &l); err != nil {
				yield(blob.Info{}, err)
				return
			}
			for _, c := range l.Contents {
				name := strings.TrimPrefix(c.Key, s.Prefix)
				if name <= after || !blob.Valid(name) {
					continue
				}
				if !yield(blob.Info{Name: name, Size: c.Size, Modified: c.LastModified}, nil) {
					return
				}
			}
			if !l.IsTruncated || l.NextContinuationToken == "" {
				return
			}
			q.Del("start-after")
			q.Set("continuation-token", l.NextContinuationToken)
		}
	}
}

type uploads struct {
	IsTruncated                       bool
	NextKeyMarker, NextUploadIdMarker string
	Upload                            []struct {
		Key, UploadId string
		Initiated     time.Time
	}
}

// No writer goes on for longer than life; what is older than sweepAge, by the
// server's clock, has none.
const (
	life     = 5 * 24 * time.Hour
	sweepAge = 7 * 24 * time.Hour
)

// Sweep implements blob.Store.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	q := url.Values{"uploads": {""}, "prefix": {s.Prefix}}
	n := 0
	for {
		if s.closed.Load() {
			return n, blob.ErrClosed
		}
		var u uploads
		if err := s.document(ctx, request{method: http.MethodGet, query: q}, &u); err != nil {
			return n, err
		}
		for _, x := range u.Upload {
			if !blob.Valid(strings.TrimPrefix(x.Key, s.Prefix)) || s.now().Sub(x.Initiated) < sweepAge || s.alive(x.UploadId) {
				continue
			}
			if err := s.abort(ctx, x.Key, x.UploadId); err != nil {
				return n, err
			}
			n++
		}
		if !u.IsTruncated {
			return n, nil
		}
		q.Set("key-marker", u.NextKeyMarker)
		q.Set("upload-id-marker", u.NextUploadIdMarker)
	}
}

func (s *Store) alive(upload string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[upload]
}

func (s *Store) setAlive(upload string, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if is {
		s.live[upload] = true
	} else {
		delete(s.live, upload)
	}
}

func (s *Store) abort(ctx context.Context, key, upload string) error {
	_, err := s.call(ctx, request{method: http.MethodDelete, key: key, query: url.Values{"uploadId": {upload}}})
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

// document makes a call whose answer is a small XML document.
func (s *Store) document(ctx context.Context, r request, into any) error {
	a, err := s.call(ctx, r)
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("blob: the server's answer is no XML: %w", err)
	}
	return nil
}

// Close implements blob.Store.
func (s *Store) Close() error {
	s.closed.Store(true)
	return nil
}
