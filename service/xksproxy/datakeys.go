package xksproxy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/xks"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// dataKeys are the data keys of one export, oldest first. Their versions count
// from 1.
type dataKeys struct{ Keys []dataKey }

// dataKey is 32 bytes as KMS's ciphertext under the exported key.
type dataKey struct {
	Created time.Time
	Blob    []byte
}

// The id is the KMS key's and the external id: exported anew with another KMS
// key, an external id begins anew.
var table = store.RegionalTable[dataKeys]("xksproxy.datakey")

// renewal is how long a data key is used to encrypt. Each message has a key of
// its own, so that this bounds what one leaked data key opens, not a count.
const renewal = 365 * 24 * time.Hour

func (e *export) row() string {
	return store.ID(strings.TrimPrefix(e.at.Resource, "key/"), e.id)
}

// context is the encryption context of the export's data keys.
func (e *export) context() map[string]string {
	return map[string]string{"redoubt:xks-key-id": e.id}
}

// current answers the data key to encrypt with, in the clear, and its version.
func (s *Service) current(ctx context.Context, e *export) (version uint32, key []byte, err error) {
	err = s.db.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		rows := table.In(e.at.Account, e.at.Region)
		have, err := rows.Get(tx, e.row())
		if errors.Is(err, store.ErrNotFound) {
			have, err = &dataKeys{}, nil
		}
		if err != nil {
			return err
		}
		now := s.clock.Now()
		if n := len(have.Keys); n == 0 || now.Sub(have.Keys[n-1].Created) >= renewal {
			out, err := op.Invoke(ctx, s.invoker, e.as, kmsapi.OpGenerateDataKeyWithoutPlaintext, &kmsapi.GenerateDataKeyWithoutPlaintextInput{
				KeyId: &e.arn, KeySpec: new(kmsapi.DataKeySpecAes256), EncryptionContext: e.context(),
			})
			if err != nil {
				return err
			}
			have = &dataKeys{append(slices.Clip(have.Keys), dataKey{now, out.CiphertextBlob})}
			if err := rows.Put(tx, e.row(), have); err != nil {
				return err
			}
		}
		version = uint32(len(have.Keys))
		key, err = s.unwrap(ctx, e, have.Keys[version-1].Blob)
		return err
	})
	return version, key, err
}

// former answers the data key of that version, in the clear.
func (s *Service) former(ctx context.Context, e *export, version uint32) (key []byte, err error) {
	err = s.db.Run(ctx, func(ctx context.Context) error {
		have, err := table.In(e.at.Account, e.at.Region).Get(store.From(ctx), e.row())
		if errors.Is(err, store.ErrNotFound) || err == nil && (version < 1 || int64(version) > int64(len(have.Keys))) {
			return &xks.Error{Name: xks.ErrInvalidCiphertext}
		}
		if err != nil {
			return err
		}
		key, err = s.unwrap(ctx, e, have.Keys[version-1].Blob)
		return err
	})
	return key, err
}

// unwrap has KMS decrypt a data key. The caller wipes it.
func (s *Service) unwrap(ctx context.Context, e *export, blob []byte) ([]byte, error) {
	out, err := op.Invoke(ctx, s.invoker, e.as, kmsapi.OpDecrypt, &kmsapi.DecryptInput{
		KeyId: &e.arn, CiphertextBlob: blob, EncryptionContext: e.context(),
	})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}
