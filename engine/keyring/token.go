package keyring

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/redoubt-sec/redoubt/engine/pkcs11"
)

// TokenSeal wraps the root key by an AES key that never leaves a PKCS #11
// token.
type TokenSeal struct {
	open  func() (*pkcs11.Token, error)
	keyID string

	mu    sync.Mutex
	token *pkcs11.Token
}

type tokenParams struct{ KeyID string }

// NewTokenSeal uses the key with CKA_ID keyID in the token that open answers;
// open is called when the token is first needed, and again until it succeeds.
// The first Wrap makes the key if it does not exist; Unwrap never does. The
// seal closes the token.
func NewTokenSeal(open func() (*pkcs11.Token, error), keyID string) *TokenSeal {
	return &TokenSeal{open: open, keyID: keyID}
}

// Kind implements Seal.
func (s *TokenSeal) Kind() string { return "pkcs11" }

// Close implements Seal.
func (s *TokenSeal) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil {
		return nil
	}
	defer func() { s.token = nil }()
	return s.token.Close()
}

// Wrap implements Seal.
func (s *TokenSeal) Wrap(ctx context.Context, root, aad []byte) (Wrap, error) {
	token, err := s.use()
	if err != nil {
		return Wrap{}, err
	}
	_, err = token.AES(ctx, []byte(s.keyID))
	if errors.Is(err, pkcs11.ErrNoKey) {
		err = token.GenerateAES(ctx, []byte(s.keyID), s.keyID)
		if errors.Is(err, pkcs11.ErrKeyExists) {
			err = nil // another server was faster
		}
	}
	if err != nil {
		return Wrap{}, err
	}
	blob, err := token.EncryptGCM(ctx, []byte(s.keyID), aad, root)
	if err != nil {
		return Wrap{}, err
	}
	params, err := json.Marshal(tokenParams{s.keyID})
	return Wrap{s.Kind(), params, blob}, err
}

// Unwrap implements Seal. The key is the one of this seal, not of the record.
func (s *TokenSeal) Unwrap(ctx context.Context, w Wrap, aad []byte) ([]byte, error) {
	token, err := s.use()
	if err != nil {
		return nil, err
	}
	root, err := token.DecryptGCM(ctx, []byte(s.keyID), aad, w.Blob)
	if errors.Is(err, pkcs11.ErrDamaged) {
		return nil, ErrWrongSeal
	}
	return root, err
}

func (s *TokenSeal) use() (*pkcs11.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == nil {
		token, err := s.open()
		if err != nil {
			return nil, err
		}
		s.token = token
	}
	return s.token, nil
}
