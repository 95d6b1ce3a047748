package hsm

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/pkcs11"
	"github.com/redoubt-sec/redoubt/store"
)

// login is a token that is logged into, with the PIN that it took.
type login struct {
	token  *pkcs11.Token
	pin    *harden.Buffer
	digest [32]byte        // of the PIN: to compare, while pin serves to log in again
	stores map[string]bool // ids of the key stores that use it
}

// digest stands for a PIN while it is only compared.
func (e *Engine) digest(pin []byte) (sum [32]byte) {
	h := hmac.New(sha256.New, e.salt[:])
	h.Write(pin)
	h.Sum(sum[:0])
	return sum
}

func (l *login) close() error {
	err := l.token.Close()
	l.pin.Destroy()
	return err
}

// open logs into a token.
func (e *Engine) open(k *configured, pin []byte) (*login, error) {
	m, err := e.module(k.Module)
	if err != nil {
		return nil, err
	}
	l := &login{stores: map[string]bool{}, digest: e.digest(pin)}
	if l.pin, err = harden.Hold(pin); err != nil {
		return nil, err
	}
	l.token, err = m.Open(k.Label, func() (out []byte, err error) {
		if !l.pin.Use(func(secret []byte) { out = append([]byte(nil), secret...) }) {
			err = pkcs11.ErrClosed
		}
		return out, err
	})
	if err != nil {
		l.pin.Destroy()
		return nil, err
	}
	return l, nil
}

// userPIN is the PIN for a key store's password. The caller wipes it.
func (k *configured) userPIN(password string) ([]byte, error) {
	if k.PIN != nil {
		return k.PIN()
	}
	return []byte(password), nil
}

// enter answers the token's login for a key store, logging in if need be.
func (e *Engine) enter(s *keystore.Settings) (*login, error) {
	k := e.tokens[s.Cluster]
	if k == nil {
		return nil, keystore.ClusterNotFound
	}
	pin, err := k.userPIN(s.Password)
	if err != nil {
		return nil, fail(keystore.WrongPassword, err)
	}
	defer harden.Wipe(pin)
	digest := e.digest(pin)
	e.mu.Lock()
	defer e.mu.Unlock()
	if l := e.logins[s.Cluster]; l != nil {
		if hmac.Equal(l.digest[:], digest[:]) {
			l.stores[s.ID] = true
			return l, nil
		}
		if others(l, s.ID) {
			// PKCS #11 has one login per process: the token would take any PIN now.
			return nil, keystore.WrongPassword
		}
		// The store's password is another now.
		delete(e.logins, s.Cluster)
		_ = l.close()
	}
	if e.refused[s.Cluster] == digest {
		return nil, keystore.WrongPassword // tokens lock after a few tries
	}
	l, err := e.open(k, pin)
	if err != nil {
		if errors.Is(err, pkcs11.ErrPIN) {
			e.refused[s.Cluster] = digest
		}
		return nil, failure(err)
	}
	l.stores[s.ID] = true
	e.logins[s.Cluster] = l
	return l, nil
}

// forgive lets a PIN be tried again that the token has refused: it may take it
// now, and someone has asked.
func (e *Engine) forgive(cluster string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.refused, cluster)
}

func others(l *login, id string) bool {
	for other := range l.stores {
		if other != id {
			return true
		}
	}
	return false
}

// leave ends a key store's part in logins; the last one logs out.
func (e *Engine) leave(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for cluster, l := range e.logins {
		if !l.stores[id] {
			continue
		}
		delete(l.stores, id)
		if len(l.stores) == 0 {
			delete(e.logins, cluster)
			_ = l.close()
		}
	}
}

// use runs f on the token of a key store. A login that the token no longer takes
// is made anew once: the password may have changed on another server.
func (e *Engine) use(s *keystore.Settings, f func(*pkcs11.Token) error) error {
	for try := 0; ; try++ {
		l, err := e.enter(s)
		if err != nil {
			return err
		}
		err = f(l.token)
		if err == nil {
			return nil
		}
		refused := errors.Is(err, pkcs11.ErrPIN)
		stale := refused || errors.Is(err, pkcs11.ErrClosed)
		if stale {
			e.discard(s.Cluster, l, refused)
		}
		if !stale || try > 0 {
			return failure(err)
		}
	}
}

// discard forgets a login that does not work any more; refused: because the
// token does not take its PIN now.
func (e *Engine) discard(cluster string, l *login, refused bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if refused {
		e.refused[cluster] = l.digest
	}
	if e.logins[cluster] == l {
		delete(e.logins, cluster)
		_ = l.close()
	}
}

// rotate changes the token's PIN from the store's password to its next one; e.mu
// is not held.
func (e *Engine) rotate(ctx context.Context, s *keystore.Settings) error {
	l, err := e.enter(s)
	if err != nil {
		return err
	}
	old, next := []byte(s.Password), []byte(s.NextPassword)
	defer harden.Wipe(old)
	defer harden.Wipe(next)
	if err := l.token.SetPIN(ctx, old, next); err != nil {
		return failure(err)
	}
	e.discard(s.Cluster, l, false)
	after := *s
	after.Password = s.NextPassword
	_, err = e.enter(&after)
	return err
}

// cluster answers the view of a key store's cluster.
func (e *Engine) cluster(ctx context.Context, s *keystore.Settings) (v *View, err error) {
	err = e.within(ctx, func(tx *store.Tx) error {
		v, err = e.Find(tx, s.Account, s.Region, s.Cluster)
		return err
	})
	if errors.Is(err, ErrNoCluster) || err == nil && (v.State == Deleting || v.State == Deleted) {
		return nil, keystore.ClusterNotFound
	}
	return v, err
}

func fail(f *keystore.Failure, cause error) error { return fmt.Errorf("%w: %w", f, cause) }
