package xks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// Budget is how long KMS waits for a proxy.
const Budget = 250 * time.Millisecond

// post sends one request to the proxy of s and decodes its answer into out.
// operation is what follows the base path: "/health", "/keys/k/encrypt".
func (b *Backend) post(ctx context.Context, s *keystore.Settings, operation string, in, out any) error {
	body, err := Format(in)
	if err != nil {
		return err
	}
	host := strings.ToLower(strings.TrimPrefix(s.Endpoint, "https://"))
	p, ok := b.peers[host]
	if !ok {
		p = b.peers[""]
	}
	if s.VPCService != p.route.VPCService && s.VPCService != "" {
		return keystore.ProxyNoVPCService
	}
	ctx, cancel := context.WithTimeout(ctx, b.budget)
	defer cancel()
	var reached progress
	ctx = httptrace.WithClientTrace(ctx, reached.trace())
	address := host
	if p.route.Address != "" {
		address = p.route.Address
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+address+s.Path+operation, bytes.NewReader(body))
	if err != nil {
		return fail(keystore.ProxyInvalidPath, err)
	}
	r.Host = host
	r.Header.Set("Content-Type", "application/json")
	signer := sigv4.Signer{AccessKeyID: s.AccessKeyID, Secret: s.Secret, Region: s.Region, Service: Service}
	signer.Sign(r, body, time.Now())

	resp, err := p.send.Do(r)
	if err != nil {
		return reached.failure(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return reached.failure(err)
	}
	if resp.StatusCode != http.StatusOK {
		return refusal(resp.StatusCode, answer)
	}
	if err := Parse(answer, out); err != nil {
		return fail(keystore.ProxyInvalidResponse, errors.New("answer is not the JSON expected"))
	}
	return nil
}

// refusal reads a proxy's error. What it says beyond the name goes to the log
// of whoever unwraps the error, not to callers.
func refusal(status int, answer []byte) error {
	var e Error
	if err := Parse(answer, &e); err == nil {
		if row, ok := errorRows[e.Name]; ok {
			return fail(row.failure, &e)
		}
	}
	return fail(keystore.ProxyInvalidResponse, fmt.Errorf("status %d without an error name of the specification", status))
}

// fail puts a cause behind a failure.
func fail(f *keystore.Failure, cause error) error { return fmt.Errorf("%w: %w", f, cause) }

// malformed is an answer that the specification does not allow.
func malformed(format string, args ...any) error {
	return fail(keystore.ProxyInvalidResponse, fmt.Errorf(format, args...))
}

// progress is how far a request came. Dialling may go on in the background
// after the request has failed, hence atomic.
type progress struct {
	stage atomic.Int32
	fresh atomic.Bool // the connection was made for this request
}

const (
	dialled   = 1 // TCP stands
	shaking   = 2 // TLS has begun
	connected = 3 // a connection was ours
	sent      = 4 // the head of the request went out
)

func (p *progress) trace() *httptrace.ClientTrace {
	advance := func(stage int32) {
		for {
			now := p.stage.Load()
			if now >= stage || p.stage.CompareAndSwap(now, stage) {
				return
			}
		}
	}
	return &httptrace.ClientTrace{
		ConnectDone: func(_, _ string, err error) {
			if err == nil {
				advance(dialled)
			}
		},
		TLSHandshakeStart: func() { advance(shaking) },
		GotConn: func(i httptrace.GotConnInfo) {
			p.fresh.Store(!i.Reused)
			advance(connected)
		},
		WroteHeaders: func() { advance(sent) },
	}
}

// failure tells the three ways of not getting an answer apart.
func (p *progress) failure(err error) error {
	var alert *net.OpError // what the other side's TLS says of ours, or ours of it
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case errors.As(err, &alert) && (alert.Op == "remote error" || alert.Op == "local error"), errors.As(err, &record), errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &name):
		return fail(keystore.ProxyTLS, err)
	case errors.Is(err, context.Canceled):
		return err
	}
	var slow interface{ Timeout() bool }
	timedOut := errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout()
	switch stage := p.stage.Load(); {
	case stage < dialled:
		return fail(keystore.ProxyNotReachable, err)
	case timedOut:
		return fail(keystore.ProxyTimeout, err)
	case stage < sent, p.fresh.Load() && alert != nil && alert.Op == "write":
		// In TLS 1.3 a refused client certificate shows after our side of the
		// handshake is done: as a connection that closes before it took a request.
		return fail(keystore.ProxyTLS, err)
	}
	return fail(keystore.ProxyNotReachable, err)
}
