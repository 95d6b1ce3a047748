package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Options shape one client. The zero value gives the defaults.
type Options struct {
	// Timeout bounds a whole request, body included; 0 means 10 s.
	Timeout time.Duration
	// MaxResponse bounds the body of an answer in bytes; 0 means 1 MiB.
	MaxResponse int64
	// Plain admits http URLs; without it only https goes out.
	Plain bool
	// Roots are the authorities that servers' certificates must come from; nil
	// means the system's.
	Roots *x509.CertPool
	// Certificate authenticates this client, when the server asks.
	Certificate *tls.Certificate
	// ServerName overrides the name that the server's certificate must carry.
	ServerName string
	// Trust, when set, judges the server's certificates instead of the check
	// against Roots: whoever sets it must refuse what it does not know.
	Trust func(tls.ConnectionState) error
	// Idle is how many connections per host wait for the next request; 0 means 4.
	Idle int
}

// ErrTooLarge is the error of reading an answer beyond Options.MaxResponse.
var ErrTooLarge = errors.New("egress: answer too large")

// Client makes a client for one purpose, whose name logs and metrics show. It is
// safe for concurrent use and meant to be kept: connections are reused. Answers
// with a redirection are handed to the caller as they are.
func (g *Gate) Client(purpose string, o Options) *http.Client {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxResponse <= 0 {
		o.MaxResponse = 1 << 20
	}
	if o.Idle <= 0 {
		o.Idle = 4
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots, ServerName: o.ServerName}
	if o.Trust != nil {
		conf.InsecureSkipVerify, conf.VerifyConnection = true, o.Trust
	}
	if o.Certificate != nil {
		conf.Certificates = []tls.Certificate{*o.Certificate}
	}
	connect := min(o.Timeout, 5*time.Second)
	t := &http.Transport{
		Proxy: nil, // environment proxies would decide where requests go
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return g.dial(ctx, network, address, connect)
		},
		TLSClientConfig:        conf,
		TLSHandshakeTimeout:    connect,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    o.Idle,
		MaxIdleConns:           64,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &guard{gate: g, purpose: purpose, options: o, next: t},
	}
}

// guard is the transport around the dialer.
type guard struct {
	gate    *Gate
	purpose string
	options Options
	next    *http.Transport
}

func (t *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := t.send(r)
	out := Outcome{Purpose: t.purpose, Host: r.URL.Host, Duration: time.Since(start), Err: err}
	if resp != nil {
		out.Status = resp.StatusCode
	}
	t.gate.observe(out)
	return resp, err
}

func (t *guard) send(r *http.Request) (*http.Response, error) {
	refuse := func(format string, args ...any) (*http.Response, error) {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
	}
	switch {
	case r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !t.options.Plain):
		return refuse("scheme %q", r.URL.Scheme)
	case r.URL.User != nil:
		return refuse("user name or password in the address")
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > t.options.MaxResponse {
		resp.Body.Close()
		return nil, ErrTooLarge
	}
	resp.Body = &bounded{body: resp.Body, left: t.options.MaxResponse}
	return resp, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t *guard) CloseIdleConnections() { t.next.CloseIdleConnections() }

// bounded fails where an answer goes beyond its bound; io.LimitReader would make
// it look complete.
type bounded struct {
	body io.ReadCloser
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}

func (b *bounded) Close() error { return b.body.Close() }
