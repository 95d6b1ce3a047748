package keyring

import (
	"bytes"
	"context"
	"crypto/fips140"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/crypto/argon2"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

// PassphraseSeal derives the wrapping key from a passphrase: by argon2id (RFC
// 9106's second recommendation), or by PBKDF2-HMAC-SHA-256 in Go's FIPS mode,
// which has no argon2id.
type PassphraseSeal struct{ read func() ([]byte, error) }

const (
	passphraseLabel = "redoubt passphrase seal"
	minPassphrase   = 8

	// What a record may ask for at most: it comes from the store.
	maxArgonMemory  = 1 << 20 // KiB
	maxArgonTime    = 64
	maxPBKDF2Rounds = 10_000_000
)

type passphraseParams struct {
	KDF     string // "argon2id" or "pbkdf2-hmac-sha256"
	Salt    []byte
	Time    uint32 `json:",omitempty"` // argon2id passes
	Memory  uint32 `json:",omitempty"` // argon2id, KiB
	Threads uint8  `json:",omitempty"`
	Rounds  int    `json:",omitempty"` // pbkdf2
}

// PassphraseFromFile reads the passphrase from a file that only this user can
// read; one trailing line end does not count.
func PassphraseFromFile(path string) *PassphraseSeal {
	return &PassphraseSeal{func() ([]byte, error) {
		b, err := readSecret(path)
		return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r")), err
	}}
}

// PassphraseFromEnv reads the passphrase from an environment variable. The
// operating system and the runtime keep copies of the environment in this
// process's memory; a file is better.
func PassphraseFromEnv(name string) *PassphraseSeal {
	return &PassphraseSeal{func() ([]byte, error) {
		v, ok := os.LookupEnv(name)
		if !ok {
			return nil, fmt.Errorf("keyring: no passphrase in the environment (%s)", name)
		}
		return []byte(v), nil
	}}
}

// Kind implements Seal.
func (s *PassphraseSeal) Kind() string { return "passphrase" }

// Close implements Seal: the passphrase is read anew each time and never kept.
func (s *PassphraseSeal) Close() error { return nil }

// Wrap implements Seal.
func (s *PassphraseSeal) Wrap(_ context.Context, root, aad []byte) (Wrap, error) {
	p := passphraseParams{KDF: "argon2id", Salt: make([]byte, 16), Time: 3, Memory: 64 << 10, Threads: 4}
	if fips140.Enabled() {
		p = passphraseParams{KDF: "pbkdf2-hmac-sha256", Salt: make([]byte, 16), Rounds: 600_000}
	}
	rand.Read(p.Salt)
	key, err := s.derive(p)
	if err != nil {
		return Wrap{}, err
	}
	defer harden.Wipe(key)
	params, err := json.Marshal(p)
	return Wrap{s.Kind(), params, message.Append(nil, key, passphraseLabel, aad, root)}, err
}

// Unwrap implements Seal.
func (s *PassphraseSeal) Unwrap(_ context.Context, w Wrap, aad []byte) ([]byte, error) {
	var p passphraseParams
	if err := json.Unmarshal(w.Params, &p); err != nil {
		return nil, fmt.Errorf("%w: its parameters are damaged", ErrWrongSeal)
	}
	key, err := s.derive(p)
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(key)
	root, err := message.Open(key, passphraseLabel, aad, w.Blob)
	if err != nil {
		return nil, ErrWrongSeal
	}
	return root, nil
}

func (s *PassphraseSeal) derive(p passphraseParams) (key []byte, err error) {
	phrase, err := s.read()
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(phrase)
	if len(phrase) < minPassphrase {
		return nil, fmt.Errorf("keyring: the passphrase is shorter than %d bytes", minPassphrase)
	}
	switch p.KDF {
	case "argon2id":
		if fips140.Enforced() {
			return nil, errors.New("keyring: argon2id is not approved in this FIPS mode; rotate the seal outside it first")
		}
		if p.Time < 1 || p.Time > maxArgonTime || p.Memory < 8 || p.Memory > maxArgonMemory || p.Threads < 1 || len(p.Salt) < 16 {
			return nil, fmt.Errorf("%w: its parameters are out of bounds", ErrWrongSeal)
		}
		harden.Do(func() { key = argon2.IDKey(phrase, p.Salt, p.Time, p.Memory, p.Threads, 32) })
		// The memory that argon2id filled is not needed again for months.
		debug.FreeOSMemory()
		return key, nil
	case "pbkdf2-hmac-sha256":
		if p.Rounds < 1000 || p.Rounds > maxPBKDF2Rounds || len(p.Salt) < 16 {
			return nil, fmt.Errorf("%w: its parameters are out of bounds", ErrWrongSeal)
		}
		// The conversion to a string makes a copy that only harden.Do erases.
		harden.Do(func() { key, err = pbkdf2.Key(sha256.New, string(phrase), p.Salt, p.Rounds, 32) })
		return key, err
	}
	return nil, fmt.Errorf("%w: unknown derivation %q", ErrWrongSeal, p.KDF)
}
