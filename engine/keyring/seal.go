package keyring

import (
	"context"
	"encoding/json"
	"errors"
)

// Seal is what protects the root key while the server is down: a file, a
// passphrase, a token, another KMS, or people with shares. One seal per file.
type Seal interface {
	// Kind names the seal in records and in Status: "file", "passphrase",
	// "pkcs11", "awskms" or "shamir".
	Kind() string
	// Wrap encrypts the root key, bound to aad. The wrap names what it takes to
	// undo it, but nothing secret.
	Wrap(ctx context.Context, root, aad []byte) (Wrap, error)
	// Unwrap undoes Wrap. ErrWrongSeal: this is not the seal's wrap, or it was
	// changed. ErrShares: more shares are needed. Other errors may pass (a token
	// or an endpoint that does not answer).
	Unwrap(ctx context.Context, w Wrap, aad []byte) ([]byte, error)
	// Close wipes what the seal holds in memory.
	Close() error
}

// Wrap is the root key under a seal, as it lies in the store.
type Wrap struct {
	Kind   string          // the seal's
	Params json.RawMessage // the seal's own, not secret: salt and cost, key label, key ARN, threshold
	Blob   []byte
}

// Errors of seals.
var (
	ErrWrongSeal = errors.New("keyring: the root key is not under this seal")
	ErrShares    = errors.New("keyring: more shares are needed")
)

// Gatherer is a seal that waits for shares.
type Gatherer interface {
	Seal
	// Submit adds one share; a share twice counts once.
	Submit(share string) (Progress, error)
	// Progress tells how far gathering has come.
	Progress() Progress
	// Forget drops the shares gathered so far.
	Forget()
}

// Progress is how many shares were gathered of how many needed.
type Progress struct{ Have, Need int }
