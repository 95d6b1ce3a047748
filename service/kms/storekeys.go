package kms

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// Keys in custom key stores. A ciphertext of theirs is the same blob as of other
// keys, with another kind of body: for CloudHSM what the token made of the
// plaintext, for an external key store what the proxy made of a ciphertext under
// KMS's own material (double encryption).

// generateInStore gives a new key its material in its store.
func (s *Service) generateInStore(ctx context.Context, c *redoubt.Call, k *Key, external string) error {
	tx := store.From(ctx)
	ks, err := s.keyStore(tx, c, k.KeyStore)
	if err != nil {
		return err
	}
	if ks.Type == kmsapi.CustomKeyStoreTypeAwsCloudhsm != (k.Origin == kmsapi.OriginTypeAwsCloudhsm) {
		return kmsapi.ErrUnsupportedOperationException.New("Origin %s is not valid for a custom key store of type %s.", k.Origin, ks.Type)
	}
	if ks.State != kmsapi.ConnectionStateTypeConnected {
		return badStoreState(ks)
	}
	if external != "" {
		taken, err := storeBacks.In(k.Account, k.Region).Has(tx, store.ID(ks.ID, external))
		if err != nil {
			return err
		}
		if taken {
			return kmsapi.ErrXksKeyAlreadyInUseException.New("The external key %s is already associated with a KMS key in this external key store.", external)
		}
		if err := s.generate(k); err != nil {
			return err
		}
		if err := storeBacks.In(k.Account, k.Region).Put(tx, store.ID(ks.ID, external), &storedKey{k.ID}); err != nil {
			return err
		}
	} else {
		id := sha256.Sum256([]byte(k.ARN)) // names the token's key in ciphertexts
		k.Materials = []Material{{ID: hex.EncodeToString(id[:]), State: kmsapi.KeyMaterialStateCurrent}}
	}
	backend, set, err := s.reach(k, ks)
	if err != nil {
		return err
	}
	if k.Backing, err = backend.Create(ctx, set, storeRequest(c, ""), keystore.Key{ID: k.ID, Backing: external}); err != nil {
		return failure(err, atCreate)
	}
	return storeKeys.In(k.Account, k.Region).Put(tx, store.ID(ks.ID, k.ID), &storedKey{k.ID})
}

// retriedKeyID makes the same random-looking UUID for every try of one call, so
// that a call that starts over finds the key that it made in a token, and does
// not make another.
func retriedKeyID(c *redoubt.Call) string {
	sum := sha256.Sum256([]byte("kms key\x00" + c.Account + "\x00" + c.RequestID))
	b := sum[:16]
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	d := hex.EncodeToString(b)
	return d[:8] + "-" + d[8:12] + "-" + d[12:16] + "-" + d[16:20] + "-" + d[20:]
}

// reach answers the engine of a key's store and the settings to call it with.
func (s *Service) reach(k *Key, ks *KeyStore) (keystore.Backend, *keystore.Settings, error) {
	backend, err := s.backend(ks.Type)
	if err != nil {
		return nil, nil, err
	}
	sec, err := s.openSecrets(ks)
	return backend, settings(k.Account, k.Region, ks, sec), err
}

// storeContext is the additional data that a store gets: the header and, since
// stores limit its length, a digest of the encryption context.
func storeContext(header, aad []byte) []byte {
	sum := sha256.Sum256(aad)
	return append(header[:len(header):len(header)], sum[:]...)
}

func (s *Service) encryptInStore(ctx context.Context, c *redoubt.Call, k *Key, rec *Material, h material.Header, plaintext, aad []byte) ([]byte, error) {
	ks, err := loadStore(store.From(ctx), k.Account, k.Region, k.KeyStore)
	if err != nil || ks == nil {
		return nil, firstError(err, failure(keystore.NotConnected, atUse))
	}
	h.Kind = material.Token
	if ks.Type == kmsapi.CustomKeyStoreTypeExternalKeyStore {
		h.Kind = material.External
		m, err := s.unseal(k, rec)
		if err != nil {
			return nil, err
		}
		plaintext, err = material.Encrypt(h, m, plaintext, aad)
		m.Wipe()
		if err != nil {
			return nil, engine(err, k, material.SymmetricDefault)
		}
	}
	blob, err := h.Append(make([]byte, 0, material.HeaderSize+len(plaintext)+keystore.Overhead))
	if err != nil {
		return nil, internal(err)
	}
	backend, set, err := s.reach(k, ks)
	if err != nil {
		return nil, err
	}
	body, err := backend.Encrypt(ctx, set, storeRequest(c, k.ARN), keystore.Key{ID: k.ID, Backing: k.Backing}, plaintext, storeContext(blob, aad))
	if err != nil {
		return nil, failure(err, atUse)
	}
	return append(blob, body...), nil
}

func (s *Service) decryptInStore(ctx context.Context, c *redoubt.Call, k *Key, rec *Material, blob, aad []byte) ([]byte, error) {
	h, body, err := material.ParseBlob(blob)
	if err != nil || h.Kind == material.Local {
		return nil, kmsapi.ErrInvalidCiphertextException.Bare()
	}
	ks, err := loadStore(store.From(ctx), k.Account, k.Region, k.KeyStore)
	if err != nil || ks == nil {
		return nil, firstError(err, failure(keystore.NotConnected, atUse))
	}
	backend, set, err := s.reach(k, ks)
	if err != nil {
		return nil, err
	}
	plaintext, err := backend.Decrypt(ctx, set, storeRequest(c, k.ARN), keystore.Key{ID: k.ID, Backing: k.Backing}, body, storeContext(blob[:material.HeaderSize], aad))
	if err != nil {
		return nil, failure(err, atUse)
	}
	if h.Kind == material.Token {
		return plaintext, nil
	}
	m, err := s.unseal(k, rec)
	if err != nil {
		return nil, err
	}
	defer m.Wipe()
	inner, err := material.Decrypt(m, plaintext, aad)
	if errors.Is(err, material.ErrCiphertext) {
		return nil, failure(keystore.ProxyWrongPlaintext, atUse)
	}
	return inner, engine(err, k, material.SymmetricDefault)
}

// randomInStore answers random bytes from a CloudHSM.
func (s *Service) randomInStore(ctx context.Context, c *redoubt.Call, id string, n int) ([]byte, error) {
	ks, err := s.keyStore(store.From(ctx), c, id)
	if err != nil {
		return nil, err
	}
	if ks.Type != kmsapi.CustomKeyStoreTypeAwsCloudhsm {
		return nil, kmsapi.ErrUnsupportedOperationException.New("External key stores do not generate random bytes.")
	}
	if ks.State != kmsapi.ConnectionStateTypeConnected {
		return nil, badStoreState(ks)
	}
	backend, set, err := s.reach(&Key{Account: c.Account, Region: c.Region}, ks)
	if err != nil {
		return nil, err
	}
	b, err := backend.Random(ctx, set, n)
	if err != nil {
		return nil, failure(err, atCreate)
	}
	return b, nil
}

// destroyInStore takes a deleted key out of its store. A token that is away
// keeps its orphan, as in AWS: the KMS key goes all the same.
func (s *Service) destroyInStore(ctx context.Context, tx *store.Tx, k *Key) error {
	if err := storeKeys.In(k.Account, k.Region).Delete(tx, store.ID(k.KeyStore, k.ID)); err != nil {
		return err
	}
	if k.Origin == kmsapi.OriginTypeExternalKeyStore {
		return storeBacks.In(k.Account, k.Region).Delete(tx, store.ID(k.KeyStore, k.Backing))
	}
	ks, err := loadStore(tx, k.Account, k.Region, k.KeyStore)
	if err != nil || ks == nil || ks.State != kmsapi.ConnectionStateTypeConnected {
		return err
	}
	backend, set, err := s.reach(k, ks)
	if err != nil {
		return nil
	}
	_ = backend.Destroy(ctx, set, keystore.Key{ID: k.ID, Backing: k.Backing})
	return nil
}

// describeStore adds a key's store to its metadata.
func describeStore(tx *store.Tx, k *Key, m *kmsapi.KeyMetadata) error {
	m.CustomKeyStoreId = &k.KeyStore
	if k.Origin == kmsapi.OriginTypeExternalKeyStore {
		m.XksKeyConfiguration = &kmsapi.XksKeyConfigurationType{Id: &k.Backing}
		return nil
	}
	ks, err := loadStore(tx, k.Account, k.Region, k.KeyStore)
	if ks != nil {
		m.CloudHsmClusterId = &ks.Cluster
	}
	return err
}

// stage is what KMS was doing when a store failed: each has its own exceptions.
type stage int

const (
	atSetup stage = iota
	atCreate
	atUse
)

// failure words an engine's error.
func failure(err error, at stage) error {
	var f *keystore.Failure
	if !errors.As(err, &f) {
		return internal(err)
	}
	code := [...]string{atSetup: f.Setup, atCreate: f.Create, atUse: f.Use}[at]
	if code == "" || code == string(kmsapi.ErrKMSInternalException) {
		return internal(err)
	}
	return &redoubt.Error{Code: code, Message: f.Message, Cause: err}
}
