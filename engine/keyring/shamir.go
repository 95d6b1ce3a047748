package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

// ShamirSeal splits the key that wraps the root key among people: any Threshold
// of the Parts shares give it back, fewer tell nothing (Shamir, "How to share a
// secret", 1979). The server holds the key only while it wraps and unwraps.
type ShamirSeal struct {
	mu     sync.Mutex
	params shamirParams
	key    []byte // a new split, until Forget
	shares []string
	xs     []byte
	ys     [][]byte
}

type shamirParams struct {
	Set       []byte // random, names the split: shares of another do not mix in
	Parts     int
	Threshold int
}

const (
	sharePrefix = "redoubt-share-1-"
	shamirLabel = "redoubt shamir seal"
	setSize     = 8
)

// Errors of shares.
var (
	ErrShare    = errors.New("keyring: not a share, or mistyped")
	ErrShareSet = errors.New("keyring: the share belongs to another set")
)

// NewShamirSeal makes a new split: 2 to 255 parts, threshold at least 2. Shares
// answers the parts to hand out.
func NewShamirSeal(parts, threshold int) (*ShamirSeal, error) {
	if threshold < 2 || parts < threshold || parts > 255 {
		return nil, fmt.Errorf("keyring: no shares of %d with a threshold of %d: want 2 <= threshold <= shares <= 255", parts, threshold)
	}
	s := &ShamirSeal{params: shamirParams{make([]byte, setSize), parts, threshold}, key: make([]byte, 32)}
	rand.Read(s.params.Set)
	rand.Read(s.key)
	for i, y := range split(s.key, parts, threshold, func(b []byte) { rand.Read(b) }) {
		s.shares = append(s.shares, encodeShare(s.params.Set, threshold, byte(i+1), y))
		harden.Wipe(y)
	}
	return s, nil
}

// WaitForShares is the seal of a server that starts: Submit gives it shares.
func WaitForShares() *ShamirSeal { return &ShamirSeal{} }

// Shares answers the parts of a new split, once: each is one line of text.
func (s *ShamirSeal) Shares() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.shares
	s.shares = nil
	return out
}

// Kind implements Seal.
func (s *ShamirSeal) Kind() string { return "shamir" }

// Close implements Seal.
func (s *ShamirSeal) Close() error {
	s.Forget()
	return nil
}

// Wrap implements Seal; only a new split can.
func (s *ShamirSeal) Wrap(_ context.Context, root, aad []byte) (Wrap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.key == nil {
		return Wrap{}, errors.New("a new split is needed to wrap a root key")
	}
	params, err := json.Marshal(s.params)
	return Wrap{s.Kind(), params, message.Append(nil, s.key, shamirLabel, aad, root)}, err
}

// Unwrap implements Seal. It answers ErrShares until enough shares of the
// wrap's split were submitted.
func (s *ShamirSeal) Unwrap(_ context.Context, w Wrap, aad []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p shamirParams
	if err := json.Unmarshal(w.Params, &p); err != nil || p.Threshold < 2 || p.Threshold > 255 || len(p.Set) != setSize {
		return nil, fmt.Errorf("%w: its parameters are damaged", ErrWrongSeal)
	}
	key := s.key
	if key == nil {
		if !bytes.Equal(s.params.Set, p.Set) {
			s.forget()
			s.params = p
		}
		if len(s.xs) < p.Threshold {
			return nil, ErrShares
		}
		key = combine(s.xs[:p.Threshold], s.ys[:p.Threshold])
		defer harden.Wipe(key)
	}
	root, err := message.Open(key, shamirLabel, aad, w.Blob)
	if err != nil {
		return nil, ErrWrongSeal
	}
	return root, nil
}

// Submit implements Gatherer.
func (s *ShamirSeal) Submit(share string) (Progress, error) {
	set, threshold, x, y, err := decodeShare(share)
	if err != nil {
		return s.Progress(), err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.params.Set == nil {
		s.params = shamirParams{Set: set, Threshold: threshold}
	}
	if !bytes.Equal(set, s.params.Set) || threshold != s.params.Threshold {
		harden.Wipe(y)
		return s.progress(), ErrShareSet
	}
	if bytes.IndexByte(s.xs, x) >= 0 {
		harden.Wipe(y)
	} else {
		s.xs = append(s.xs, x)
		s.ys = append(s.ys, y)
	}
	return s.progress(), nil
}

// Progress implements Gatherer.
func (s *ShamirSeal) Progress() Progress {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.progress()
}

func (s *ShamirSeal) progress() Progress { return Progress{len(s.xs), s.params.Threshold} }

// Forget implements Gatherer: the key of a new split goes as well.
func (s *ShamirSeal) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
}

func (s *ShamirSeal) forget() {
	for _, y := range s.ys {
		harden.Wipe(y)
	}
	harden.Wipe(s.key)
	s.key, s.xs, s.ys = nil, nil, nil
}

// A share is: set (8) ‖ threshold (1) ‖ x (1) ‖ y (32) ‖ checksum (4), in
// base64 for URLs behind a prefix. The checksum finds typing errors only; that
// shares belong together is proven by the wrap that they open.
func encodeShare(set []byte, threshold int, x byte, y []byte) string {
	b := append(bytes.Clone(set), byte(threshold), x)
	b = append(b, y...)
	sum := sha256.Sum256(b)
	b = append(b, sum[:4]...)
	defer harden.Wipe(b)
	return sharePrefix + base64.RawURLEncoding.EncodeToString(b)
}

func decodeShare(share string) (set []byte, threshold int, x byte, y []byte, err error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(share), sharePrefix)
	// One spelling per share: the decoder would skip line ends.
	if !ok || len(text) > 100 || strings.ContainsAny(text, "\r\n") {
		return nil, 0, 0, nil, ErrShare
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != setSize+2+32+4 {
		return nil, 0, 0, nil, ErrShare
	}
	defer harden.Wipe(b)
	body, check := b[:len(b)-4], b[len(b)-4:]
	sum := sha256.Sum256(body)
	threshold, x = int(body[setSize]), body[setSize+1]
	if !bytes.Equal(sum[:4], check) || threshold < 2 || x == 0 {
		return nil, 0, 0, nil, ErrShare
	}
	return bytes.Clone(body[:setSize]), threshold, x, bytes.Clone(body[setSize+2:]), nil
}
