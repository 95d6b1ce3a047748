package xks

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/sigv4"
)

// Credential is an access key of a proxy. It has nothing to do with IAM.
type Credential struct {
	AccessKeyID string
	Secret      string
}

// Window is how far a request's time may be off, either way (specification,
// appendix A).
const Window = 5 * time.Minute

// grace is how long after its first use a signature may come again. A client
// that repeats a request within the second sends the same signature, as KMS may
// after a timeout; whoever replays a recorded one comes later.
const grace = 2 * time.Second

// Verifier proves who sent a request to a proxy. It is safe for concurrent use.
// Time is wall time.
type Verifier struct {
	credentials map[string]Credential
	keys        sigv4.Keys
	now         func() time.Time
	seen        replays
}

// NewVerifier makes a verifier for one or more credentials: while they are
// rotated, old and new ones hold side by side.
func NewVerifier(credentials ...Credential) *Verifier {
	v := &Verifier{credentials: make(map[string]Credential, len(credentials)), now: time.Now}
	for _, c := range credentials {
		v.credentials[c.AccessKeyID] = c
	}
	return v
}

var errReplay = errors.New("xks: signature was used before")

// Verify answers nil if the request was signed by a known credential, within
// the window, and is not a replay. Its *Error says no more than that it failed;
// Cause says why.
func (v *Verifier) Verify(r *http.Request, body []byte) error {
	if err := v.verify(r, body); err != nil {
		return &Error{Name: ErrAuthentication, Cause: err}
	}
	return nil
}

func (v *Verifier) verify(r *http.Request, body []byte) error {
	if err := sigv4.Framing(r.Header, r.TransferEncoding); err != nil {
		return err
	}
	sig, err := sigv4.Parse(&sigv4.Request{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: r.Header,
		BodySHA256: func() ([32]byte, error) { return sha256.Sum256(body), nil },
	})
	if err != nil {
		return err
	}
	if sig.Presigned {
		return errors.New("xks: signed in the query")
	}
	now := v.now()
	// Any region: it tells from where KMS calls, not where the proxy is.
	if err := sig.Check(sigv4.Expect{Service: Service, Now: now, Window: Window}); err != nil {
		return err
	}
	c, ok := v.credentials[sig.AccessKeyID]
	if !ok {
		return sigv4.Fail(sigv4.UnknownKey, sig)
	}
	err = v.keys.Verify(sig, sigv4.Credential{AccessKeyID: c.AccessKeyID, Secret: func() (string, error) { return c.Secret, nil }})
	if err != nil {
		return err
	}
	return v.seen.admit(sig.MAC(), now)
}

// replays remembers signatures for as long as they could be sent again: twice
// the window, since a request's time may lie in the future. Two generations of
// one such span each keep that without a timer.
type replays struct {
	mu       sync.Mutex
	began    time.Time // of the current generation
	now, old map[[32]byte]time.Time
}

// maxReplays bounds a generation; KMS's own limit of 1,800 requests a second
// stays below it. Beyond, requests are refused: forgetting would admit replays.
const maxReplays = 1 << 21

func (s *replays) admit(signature [32]byte, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || now.Sub(s.began) >= 2*Window {
		old := s.now
		if now.Sub(s.began) >= 4*Window {
			old = nil
		}
		s.began, s.now, s.old = now, map[[32]byte]time.Time{}, old
	}
	first, ok := s.now[signature]
	if !ok {
		first, ok = s.old[signature]
	}
	switch {
	case ok && now.Sub(first) > grace:
		return errReplay
	case ok:
		return nil
	case len(s.now) >= maxReplays:
		return errors.New("xks: too many requests to tell replays")
	}
	s.now[signature] = now
	return nil
}
