package hsm

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/pkcs11"
)

// Check implements keystore.Backend: the cluster is there and active, has HSMs in
// two zones, and its trust anchor is the one given.
func (e *Engine) Check(ctx context.Context, s, was *keystore.Settings, _ keystore.Request) error {
	v, err := e.cluster(ctx, s)
	switch {
	case err != nil:
		return err
	case v.State != Active:
		return keystore.ClusterNotActive
	case v.zones() < 2:
		return keystore.TooFewHSMs
	case !sameCertificate(v.Anchor, s.TrustAnchor):
		return keystore.WrongTrustAnchor
	}
	if was == nil || was.Cluster == s.Cluster {
		return nil
	}
	// Clusters that share a backup history have the same cluster certificate; of
	// configured ones only the trust anchor is known, which was compared above.
	old, err := e.cluster(ctx, was)
	if err != nil || !sameOrAbsent(old.Certificate, v.Certificate) {
		return keystore.ClusterNotRelated
	}
	return nil
}

func sameOrAbsent(a, b string) bool { return a == b || sameCertificate(a, b) }

func sameCertificate(a, b string) bool {
	x, err := parseCertificate([]byte(a))
	if err != nil {
		return false
	}
	y, err := parseCertificate([]byte(b))
	return err == nil && x.Equal(y)
}

// Connect implements keystore.Backend.
func (e *Engine) Connect(ctx context.Context, s *keystore.Settings, _ keystore.Request) (changed bool, err error) {
	v, err := e.cluster(ctx, s)
	if err != nil {
		return false, err
	}
	switch {
	case !sameCertificate(v.Anchor, s.TrustAnchor):
		return false, keystore.WrongTrustAnchor
	case len(v.HSMs) == 0 || !v.Configured && v.zones() == 0:
		return false, keystore.NoHSMs
	}
	e.forgive(s.Cluster)
	rotates := e.tokens[s.Cluster].RotatePassword && s.NextPassword != ""
	err = e.use(s, func(t *pkcs11.Token) error { return t.Ready(ctx) })
	switch {
	case err == nil && rotates:
		if err = e.rotate(ctx, s); err == nil {
			return true, nil
		}
	case errors.Is(err, keystore.WrongPassword) && rotates:
		// A server that stopped between changing the PIN and saying so.
		next := *s
		next.Password = s.NextPassword
		if e.use(&next, func(t *pkcs11.Token) error { return t.Ready(ctx) }) == nil {
			return true, nil
		}
	}
	if err != nil {
		e.leave(s.ID)
	}
	return false, err
}

// Disconnect implements keystore.Backend.
func (e *Engine) Disconnect(id string) { e.leave(id) }

// Create implements keystore.Backend. The key's CKA_ID and label are the KMS
// key's id.
func (e *Engine) Create(ctx context.Context, s *keystore.Settings, _ keystore.Request, k keystore.Key) (string, error) {
	v, err := e.cluster(ctx, s)
	if err != nil {
		return "", err
	}
	if v.zones() < 2 {
		return "", keystore.TooFewHSMs
	}
	id := []byte(k.ID)
	return k.ID, e.use(s, func(t *pkcs11.Token) error {
		err := t.GenerateAES(ctx, id, k.ID)
		if !errors.Is(err, pkcs11.ErrKeyExists) {
			return err
		}
		// This call, at an earlier try, or someone who placed a key for us to use.
		have, err := t.AES(ctx, id)
		if err == nil && have.Extractable {
			return errors.New("hsm: the token has an extractable key of this id")
		}
		return err
	})
}

// Encrypt implements keystore.Backend: iv (12) ‖ ciphertext ‖ tag (16).
func (e *Engine) Encrypt(ctx context.Context, s *keystore.Settings, _ keystore.Request, k keystore.Key, plaintext, aad []byte) (sealed []byte, err error) {
	err = e.use(s, func(t *pkcs11.Token) error {
		sealed, err = t.EncryptGCM(ctx, []byte(k.Backing), digest(k, aad), plaintext)
		return err
	})
	return sealed, err
}

// Decrypt implements keystore.Backend.
func (e *Engine) Decrypt(ctx context.Context, s *keystore.Settings, _ keystore.Request, k keystore.Key, ciphertext, aad []byte) (plaintext []byte, err error) {
	err = e.use(s, func(t *pkcs11.Token) error {
		plaintext, err = t.DecryptGCM(ctx, []byte(k.Backing), digest(k, aad), ciphertext)
		return err
	})
	return plaintext, err
}

// Destroy implements keystore.Backend.
func (e *Engine) Destroy(ctx context.Context, s *keystore.Settings, k keystore.Key) error {
	err := e.use(s, func(t *pkcs11.Token) error { return t.Destroy(ctx, []byte(k.Backing)) })
	if errors.Is(err, keystore.KeyGone) {
		return nil
	}
	return err
}

// Random implements keystore.Backend.
func (e *Engine) Random(ctx context.Context, s *keystore.Settings, n int) (b []byte, err error) {
	err = e.use(s, func(t *pkcs11.Token) error {
		b, err = t.Random(ctx, n)
		return err
	})
	return b, err
}

// digest is the additional data as the token sees it: tokens limit its length.
func digest(k keystore.Key, aad []byte) []byte {
	h := sha256.New()
	h.Write([]byte("redoubt hsm\x00" + k.ID + "\x00"))
	h.Write(aad)
	return h.Sum(nil)
}

// CKR_… that mean more than that the token failed.
const (
	pinIncorrect      pkcs11.Code = 0xa0
	pinLocked         pkcs11.Code = 0xa4
	pinNotInitialized pkcs11.Code = 0x102
	anotherLoggedIn   pkcs11.Code = 0x104
)

// failure says what KMS makes of an error of the token.
func failure(err error) error {
	if _, ok := errors.AsType[*keystore.Failure](err); ok || errors.Is(err, context.Canceled) {
		return err
	}
	code, _ := errors.AsType[pkcs11.Code](err)
	switch {
	case code == pinLocked:
		return fail(keystore.LockedOut, err)
	case code == pinNotInitialized:
		return fail(keystore.UserNotFound, err)
	case code == anotherLoggedIn:
		return fail(keystore.UserLoggedIn, err)
	case errors.Is(err, pkcs11.ErrPIN), code == pinIncorrect:
		return fail(keystore.WrongPassword, err)
	case errors.Is(err, pkcs11.ErrDamaged):
		return fail(keystore.NotOurs, err)
	case errors.Is(err, pkcs11.ErrNoKey):
		return fail(keystore.KeyGone, err)
	}
	return fail(keystore.TokenAway, err)
}
