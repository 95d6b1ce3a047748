// Package keystore is what KMS and the engines behind its custom key stores
// agree on: what a store is connected with, what is asked of it, and how that
// can fail. engine/hsm (AWS_CLOUDHSM) and engine/xks (EXTERNAL_KEY_STORE)
// implement Backend.
//
// # Invariants
//
//   - A backend keeps no record of stores or keys; KMS does. Settings come with
//     every call, so that each server of an installation connects by itself, at
//     the first call that needs it, and finds back after the other side was away.
//   - Secrets in Settings are in the clear; they live as long as the call.
//   - What Encrypt answers opens only with the same key and additional data.
//   - Calls may be repeated (transactions start over), so that each leaves the
//     same behind however often it runs.
package keystore

import "context"

// Settings are what a store is connected with.
type Settings struct {
	ID      string // cks-…
	Account string
	Region  string

	// AWS_CLOUDHSM.
	Cluster     string // cluster-…
	TrustAnchor string // PEM
	Password    string // of the crypto user
	// NextPassword is what Connect may change Password to; empty: it must not. It
	// must be on record (sealed) before Connect is called, and stay there until
	// Connect has said which of the two holds: a crash in between leaves the token
	// with either.
	NextPassword string

	// EXTERNAL_KEY_STORE.
	Endpoint    string // https://host, no port
	Path        string // /prefix/kms/xks/v1
	VPCService  string // com.amazonaws.vpce.…; empty for PUBLIC_ENDPOINT
	AccessKeyID string
	Secret      string
}

// Request is the KMS call for which a store works. External key managers log it
// and may refuse by it.
type Request struct {
	Operation  string // "GenerateDataKey"
	RequestID  string
	Principal  string // ARN, or a service's host name
	ViaService string // kms:ViaService; may be empty
	KeyARN     string // empty for CreateKey
}

// Key names a key in a store.
type Key struct {
	ID string // KMS's own key id
	// Backing is what Create answered: the object's id in the token, or the
	// external key's id.
	Backing string
}

// Backend is an engine behind custom key stores. Its errors carry a *Failure
// (errors.As); any other is an internal one. It is safe for concurrent use.
type Backend interface {
	// Check tells whether a store could be made with these settings, before
	// CreateCustomKeyStore, or before UpdateCustomKeyStore, which says by was what
	// they were. External key managers are asked for their health, so operation
	// and request id count.
	Check(ctx context.Context, s, was *Settings, r Request) error
	// Connect proves that the store can be used. changed: the password is now
	// NextPassword.
	Connect(ctx context.Context, s *Settings, r Request) (changed bool, err error)
	// Disconnect forgets what this server holds of the store: sessions, logins,
	// connections.
	Disconnect(id string)

	// Create makes (in a token) or finds (external) the key material of a new KMS
	// key. k.Backing is CreateKey's XksKeyId. The same k.ID answers the same key.
	Create(ctx context.Context, s *Settings, r Request, k Key) (backing string, err error)
	// Encrypt answers plaintext, 1 to MaxPlaintext bytes, under the key, together
	// with all that Decrypt needs besides aad, at most Overhead bytes longer.
	Encrypt(ctx context.Context, s *Settings, r Request, k Key, plaintext, aad []byte) ([]byte, error)
	// Decrypt opens what Encrypt answered; InvalidCiphertext when it is not that.
	Decrypt(ctx context.Context, s *Settings, r Request, k Key, ciphertext, aad []byte) ([]byte, error)
	// Destroy deletes the key material, where the store is ours to delete from. A
	// key that is not there is no error.
	Destroy(ctx context.Context, s *Settings, k Key) error
	// Random answers n bytes from the store's own source, or Unsupported.
	Random(ctx context.Context, s *Settings, n int) ([]byte, error)
}

const (
	// MaxPlaintext and MaxAAD are what the XKS proxy API obliges every proxy to
	// take.
	MaxPlaintext = 4300
	MaxAAD       = 8192
	// Overhead is the most that a ciphertext is longer than its plaintext.
	Overhead = 64
)
