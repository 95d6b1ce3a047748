package oidc

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/egress"
)

// Providers fetches and remembers providers' keys.
type Providers struct {
	gate *egress.Gate
	mu   sync.Mutex
	sets map[string]*keySet // by issuer and thumbprints
}

type keySet struct {
	keys    []Key
	fetched time.Time
	// Of the last attempt, if it failed.
	err    error
	failed time.Time
	asking chan struct{} // closed when an attempt under way is over; nil without one
}

const (
	// fresh is how long keys are used without asking again.
	fresh = 10 * time.Minute
	// again is how soon keys are fetched anew for a kid that they lack.
	again = 30 * time.Second
	// pause is how soon a provider is asked again that did not answer.
	pause = 2 * time.Second
	// maxSets bounds the providers remembered.
	maxSets = 256
	// maxDocument bounds what a provider answers.
	maxDocument = 256 << 10
)

// NewProviders fetches through gate.
func NewProviders(gate *egress.Gate) *Providers {
	return &Providers{gate: gate, sets: map[string]*keySet{}}
}

// Keys answers the keys of an issuer, "https://host/path". Its server must show
// a certificate that this machine's authorities vouch for, or one of whose chain
// has one of the thumbprints (SHA-1, hex). kid is the key looked for: when known
// keys lack it they are fetched anew, but not at every call.
func (p *Providers) Keys(ctx context.Context, issuer string, thumbprints []string, kid string) ([]Key, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	set := p.set(issuer + "\x00" + strings.Join(thumbprints, ","))
	for {
		age := time.Since(set.fetched)
		has := kid == "" || slices.ContainsFunc(set.keys, func(k Key) bool { return k.ID == kid })
		switch {
		case age < fresh && (has || age < again):
			return set.keys, nil
		case time.Since(set.failed) < pause:
			return nil, set.err
		case set.asking == nil:
			return p.ask(ctx, set, issuer, thumbprints)
		}
		// Anyone may send tokens, whose signatures are not checked yet: however many
		// come, a provider is asked once at a time.
		if err := p.wait(ctx, set.asking); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCommunication, err)
		}
	}
}

// set answers what is remembered under a name; the lock is held.
func (p *Providers) set(name string) *keySet {
	s, ok := p.sets[name]
	if ok {
		return s
	}
	if len(p.sets) >= maxSets {
		for n, s := range p.sets {
			if time.Since(s.fetched) > fresh || len(p.sets) >= maxSets {
				delete(p.sets, n)
			}
		}
	}
	s = &keySet{}
	p.sets[name] = s
	return s
}

// wait waits without the lock.
func (p *Providers) wait(ctx context.Context, over <-chan struct{}) error {
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ask fetches keys without the lock, and remembers what came of it. What was known
// stays good for its time.
func (p *Providers) ask(ctx context.Context, set *keySet, issuer string, thumbprints []string) (keys []Key, err error) {
	set.asking = make(chan struct{})
	err = errors.New("the attempt was broken off")
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		if err != nil {
			err = fmt.Errorf("%w: %w", ErrCommunication, err)
			set.err, set.failed = err, time.Now()
		} else {
			set.keys, set.fetched = keys, time.Now()
		}
		close(set.asking)
		set.asking = nil
	}()
	// Others wait for it: who asked first must not break it off.
	return p.fetch(context.WithoutCancel(ctx), issuer, thumbprints)
}

func (p *Providers) fetch(ctx context.Context, issuer string, thumbprints []string) ([]Key, error) {
	b, err := p.get(ctx, strings.TrimSuffix(issuer, "/")+discovery, thumbprints)
	if err != nil {
		return nil, err
	}
	var d struct {
		Issuer  string `json:"issuer"`
		KeysURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, errors.New("discovery document is malformed")
	}
	if strings.TrimSuffix(d.Issuer, "/") != strings.TrimSuffix(issuer, "/") {
		return nil, fmt.Errorf("discovery document is of another issuer, %q", d.Issuer)
	}
	if u, err := url.Parse(d.KeysURI); err != nil || u.Scheme != "https" {
		return nil, errors.New("jwks_uri is not an https address")
	}
	if b, err = p.get(ctx, d.KeysURI, thumbprints); err != nil {
		return nil, err
	}
	return ParseKeys(b)
}

const discovery = "/.well-known/openid-configuration"

// get fetches a document from a server that is known by one of the thumbprints or
// by this machine's authorities. A client judges one host's certificates only:
// the name in a TLS handshake is empty where the host is an address.
func (p *Providers) get(ctx context.Context, address string, thumbprints []string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	return p.fetchWith(ctx, address, trust(u.Hostname(), thumbprints))
}

func (p *Providers) fetchWith(ctx context.Context, address string, trust func(tls.ConnectionState) error) ([]byte, error) {
	c := p.gate.Client("oidc", egress.Options{Timeout: 5 * time.Second, MaxResponse: maxDocument, Trust: trust, Idle: 1})
	defer c.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", r.URL.Host, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// trust accepts a chain that this machine's authorities vouch for or that has a
// certificate with one of the thumbprints, for the host asked.
// Source: IAM User Guide, "Obtain the thumbprint for an OpenID Connect identity provider".
func trust(host string, thumbprints []string) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if len(s.PeerCertificates) == 0 {
			return errors.New("no certificate")
		}
		pool := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			pool.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: host, Intermediates: pool})
		if err == nil {
			return nil
		}
		roots := x509.NewCertPool()
		for _, c := range s.PeerCertificates {
			if slices.ContainsFunc(thumbprints, func(t string) bool { return strings.EqualFold(t, thumbprint(c)) }) {
				roots.AddCert(c)
			}
		}
		// The rest of the chain must still lead to the certificate that is known.
		_, perr := s.PeerCertificates[0].Verify(x509.VerifyOptions{DNSName: host, Intermediates: pool, Roots: roots})
		if perr == nil {
			return nil
		}
		return err
	}
}

func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return hex.EncodeToString(sum[:])
}

// Thumbprint answers the SHA-1 of the topmost certificate that a host's server
// sends. The server need not be trusted: what it shows becomes what is trusted.
func (p *Providers) Thumbprint(ctx context.Context, host string) (string, error) {
	top := ""
	_, err := p.fetchWith(ctx, "https://"+host+discovery, func(s tls.ConnectionState) error {
		if n := len(s.PeerCertificates); n > 0 {
			top = thumbprint(s.PeerCertificates[n-1])
		}
		return nil
	})
	if top == "" {
		return "", fmt.Errorf("%w: %w", ErrCommunication, err)
	}
	return top, nil
}
