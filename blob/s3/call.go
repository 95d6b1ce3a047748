package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
)

// request is one call to the server.
type request struct {
	method string
	key    string // empty: the bucket
	query  url.Values
	header http.Header
	body   []byte
}

// answer is a successful one.
type answer struct {
	header http.Header
	body   []byte
	again  bool // an earlier try got no answer: it may have had its effect
}

const (
	// maxAnswer bounds documents: a listing of 1,000 keys has about half of it.
	maxAnswer = 2 << 20
	tries     = 6
)

// failure is an answer that refuses.
type failure struct {
	Status  int
	Code    string
	Message string
	again   bool
}

// Error implements error.
func (f *failure) Error() string {
	return fmt.Sprintf("blob: the S3 server answered %d %s %s", f.Status, f.Code, f.Message)
}

// Is gives refusals their name in the contract.
func (f *failure) Is(target error) bool {
	switch target {
	case blob.ErrNotFound:
		// A bucket that is not there is another matter.
		return f.Status == http.StatusNotFound && f.Code != "NoSuchBucket"
	case blob.ErrExists:
		return f.Status == http.StatusPreconditionFailed || f.Status == http.StatusConflict
	case blob.ErrFull:
		return f.Status == http.StatusInsufficientStorage || f.Code == "QuotaExceeded" || f.Code == "XMinioStorageFull"
	}
	return false
}

// passing reports whether the same request may be answered otherwise in a moment.
func (f *failure) passing() bool {
	return f.Status == http.StatusTooManyRequests || f.Status >= 500 && f.Status != http.StatusInsufficientStorage && f.Status != http.StatusNotImplemented ||
		f.Status == http.StatusConflict && f.Code == "OperationAborted"
}

// make puts a signed request together.
func (s *Store) make(ctx context.Context, r request) (*http.Request, error) {
	address := s.Endpoint + "/" + url.PathEscape(s.Bucket)
	if r.key != "" {
		address += "/" + (&url.URL{Path: r.key}).EscapedPath()
	}
	if len(r.query) > 0 {
		address += "?" + strings.ReplaceAll(r.query.Encode(), "+", "%20")
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	for k, v := range r.header {
		req.Header[k] = v
	}
	s.Signer.Sign(req, r.body, s.now())
	return req, nil
}

// send makes one try; the body of a successful answer is the caller's.
func (s *Store) send(ctx context.Context, r request) (*http.Response, error) {
	req, err := s.make(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	f := &failure{Status: resp.StatusCode}
	if b, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10)); err == nil {
		_ = xml.Unmarshal(b, f) // proxies answer other things; the status stands
		f.Status = resp.StatusCode
	}
	return nil, f
}

// call makes a request, again where that can help, and reads its whole answer.
func (s *Store) call(ctx context.Context, r request) (*answer, error) {
	again := false
	for try := 1; ; try++ {
		a, err := s.once(ctx, r)
		if err == nil {
			a.again = again
			return a, nil
		}
		var f *failure
		refused := errors.As(err, &f)
		if refused {
			f.again = again
		}
		if ctx.Err() != nil || try == tries || refused && !f.passing() {
			return nil, err
		}
		again = true
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

func (s *Store) once(ctx context.Context, r request) (*answer, error) {
	resp, err := s.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if len(b) > maxAnswer {
		return nil, errors.New("blob: the S3 server's answer is too large")
	}
	// CompleteMultipartUpload may refuse under status 200.
	if f := (&failure{Status: http.StatusInternalServerError}); r.method == http.MethodPost && bytes.Contains(b, []byte("<Error>")) {
		_ = xml.Unmarshal(b, f)
		f.Status = http.StatusInternalServerError
		return nil, f
	}
	return &answer{header: resp.Header, body: b}, nil
}

// pause waits for a random time that grows with try: wall time, as it is about
// another machine.
func pause(ctx context.Context, try int) error {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(50*time.Millisecond)<<try))
	if err != nil {
		return err
	}
	t := time.NewTimer(time.Duration(n.Int64()))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
