package cloudtrail

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

// SigningKey is a key that signs digests of an account in a Region, for a year; it
// is published for as long as there may be digests of it.
type SigningKey struct {
	From, To time.Time
	Public   []byte // PKCS #1, DER
	Private  []byte // PKCS #1, DER, sealed
}

var signingKeys = store.RegionalTable[SigningKey]("cloudtrail.signingkey") // by fingerprint

const (
	keyPurpose  = "cloudtrail.signingkey"
	keyLife     = 400 * 24 * time.Hour
	keyRenewal  = 30 * 24 * time.Hour
	signingBits = 2048
)

// Owner renews the seals of signing keys when the root key changes.
func Owner(k *keyring.Keyring) keyring.Owner {
	return keyring.Records(keyPurpose, signingKeys.All(), func(id string, r *SigningKey) (changed bool, err error) {
		_, _, fingerprint := signingKeys.Split(id)
		r.Private, changed, err = k.Renew(keyPurpose, []byte(fingerprint), r.Private)
		return changed, err
	})
}

type signer struct {
	fingerprint string
	private     *rsa.PrivateKey
}

// signingKey answers the key that signs now, and makes one where there is none.
func (s *Service) signingKey(ctx context.Context, account, region string) (*signer, error) {
	now := s.clock.Now()
	var made *rsa.PrivateKey
	var out *signer
	err := s.db.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		for row, err := range signingKeys.In(account, region).Scan(tx, store.Query{}) {
			if err != nil {
				return err
			}
			if k := row.Value; !now.Before(k.From) && k.To.Sub(now) > keyRenewal {
				der, err := s.seal.Open(keyPurpose, []byte(row.ID), k.Private)
				if err != nil {
					return err
				}
				defer clear(der)
				private, err := x509.ParsePKCS1PrivateKey(der)
				out = &signer{row.ID, private}
				return err
			}
		}
		if made == nil {
			var err error
			if made, err = rsa.GenerateKey(rand.Reader, signingBits); err != nil {
				return err
			}
		}
		public := x509.MarshalPKCS1PublicKey(&made.PublicKey)
		sum := sha256.Sum256(public)
		out = &signer{hex.EncodeToString(sum[:16]), made}
		der := x509.MarshalPKCS1PrivateKey(made)
		defer clear(der)
		sealed, err := s.seal.Seal(keyPurpose, []byte(out.fingerprint), der)
		if err != nil {
			return err
		}
		return signingKeys.In(account, region).Put(tx, out.fingerprint, &SigningKey{From: now.Truncate(time.Second), To: now.Add(keyLife).Truncate(time.Second), Public: public, Private: sealed})
	})
	return out, err
}

// ListPublicKeys answers the public halves of the keys that signed digests within a
// span of time; without one, now.
func (s *Service) ListPublicKeys(ctx context.Context, c *redoubt.Call, in *api.ListPublicKeysInput) (*api.ListPublicKeysOutput, error) {
	from, to := s.clock.Now(), s.clock.Now()
	if in.StartTime != nil {
		from = *in.StartTime
	}
	if in.EndTime != nil {
		to = *in.EndTime
	}
	if in.NextToken != nil {
		return nil, api.ErrInvalidTokenException.New("The token is not valid: all keys come on one page.")
	}
	if from.After(to) {
		return nil, api.ErrInvalidTimeRangeException.New("The start time must be before the end time.")
	}
	out := &api.ListPublicKeysOutput{PublicKeyList: []api.PublicKey{}}
	for row, err := range signingKeys.In(c.Account, c.Region).Scan(store.From(ctx), store.Query{}) {
		if err != nil {
			return nil, err
		}
		if k := row.Value; !k.From.After(to) && !k.To.Before(from) {
			out.PublicKeyList = append(out.PublicKeyList, api.PublicKey{Fingerprint: new(row.ID), Value: k.Public, ValidityStartTime: &k.From, ValidityEndTime: &k.To})
		}
	}
	return out, nil
}
