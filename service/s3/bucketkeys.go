package s3

import (
	"context"
	"crypto/sha256"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

// A Bucket Key is a KMS data key of the bucket that serves many objects for a while:
// it keeps KMS out of all but a few requests. As at AWS, each requester gets one of
// its own, so that KMS has seen everybody who uses a key. Source: Amazon S3 User
// Guide, "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys".
//
// What a remembered key rests on is not trusted for that while: when anything about
// KMS keys or about who may do what is changed, all are forgotten.

const (
	// bucketKeyLife bounds how long a key is remembered.
	bucketKeyLife = 5 * time.Minute
	bucketKeyRoom = 4096
	bucketKeySeal = "s3.bucketkey"
)

// decisive are the tables whose changes may take a right away.
var decisive = []string{
	"kms.key/", "kms.grant/", "kms.alias/", "kms.keystore/",
	"identity.user/", "identity.group/", "identity.role/", "identity.policy/", "identity.member/", "identity.attachment/",
	"organizations.",
}

// bucketKeys remembers data keys. Plaintexts in it are sealed.
type bucketKeys struct {
	age  atomic.Uint64 // grows when all are to be forgotten
	mu   sync.Mutex
	held map[[32]byte]*bucketKey
}

// bucketKey is one of them. Its lock is held while KMS is asked, so that many
// requests that come at once ask one time.
type bucketKey struct {
	mu      sync.Mutex
	age     uint64
	expires time.Time
	arn     string
	sealed  []byte // by KMS
	secret  []byte // sealed by the keyring
}

// follow forgets the keys when something changes that they may rest on.
func (k *bucketKeys) follow(db *store.DB) {
	db.Backend().OnChange(func(keys []string) {
		for _, key := range keys {
			for _, table := range decisive {
				if strings.HasPrefix(key, table) {
					k.age.Add(1)
					return
				}
			}
		}
	})
}

// at answers the key of that name, which may be empty still.
func (k *bucketKeys) at(name [32]byte, now time.Time) *bucketKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.held[name]; e != nil {
		return e
	}
	if len(k.held) >= bucketKeyRoom {
		age := k.age.Load()
		for n, e := range k.held {
			if !e.mu.TryLock() {
				continue
			}
			if e.age != age || !now.Before(e.expires) || len(k.held) >= bucketKeyRoom {
				delete(k.held, n)
			}
			e.mu.Unlock()
		}
	}
	e := &bucketKey{}
	k.held[name] = e
	return e
}

// requester tells apart those whom KMS may judge differently: users, roles, and
// sessions of one role with policies of their own.
func requester(c *redoubt.Call) string {
	p := &c.Principal
	who := p.ARN
	if p.Issuer != "" {
		who = p.Issuer
	}
	if s := p.Session; s != nil {
		who += "\x00" + strings.Join(s.Policies, "\x00") + "\x00" + strings.Join(s.PolicyARNs, "\x00")
	}
	return who + "\x00" + c.Via.Service
}

func keyName(parts ...string) [32]byte {
	return sha256.Sum256([]byte(strings.Join(parts, "\x01")))
}

// dataKey answers a data key for a new object: its own, or the bucket's.
func (s *Service) dataKey(ctx context.Context, c *redoubt.Call, b *Bucket, keyID string, e *objects.Encryption) (*dataKey, error) {
	if !e.BucketKey {
		return s.generate(ctx, c, keyID, e.Context)
	}
	name := keyName("new", b.ID, keyID, e.Context["aws:s3:arn"], requester(c))
	return s.remembered(c, name, func() (*dataKey, error) { return s.generate(ctx, c, keyID, e.Context) })
}

// opened answers the plaintext of a data key.
func (s *Service) opened(ctx context.Context, c *redoubt.Call, b *Bucket, e *objects.Encryption, sealed []byte) ([]byte, error) {
	if !e.BucketKey {
		return s.decrypt(ctx, c, e, sealed)
	}
	name := keyName("old", b.ID, string(sealed), e.Context["aws:s3:arn"], requester(c))
	k, err := s.remembered(c, name, func() (*dataKey, error) {
		secret, err := s.decrypt(ctx, c, e, sealed)
		return &dataKey{e.KeyARN, sealed, secret}, err
	})
	if err != nil {
		return nil, err
	}
	return k.secret, nil
}

// remembered answers the key of that name, asking KMS if none is remembered.
func (s *Service) remembered(c *redoubt.Call, name [32]byte, ask func() (*dataKey, error)) (*dataKey, error) {
	e := s.keys.at(name, c.Time)
	e.mu.Lock()
	defer e.mu.Unlock()
	age := s.keys.age.Load()
	if e.secret != nil && e.age == age && c.Time.Before(e.expires) {
		secret, err := s.Keyring.Open(bucketKeySeal, name[:], e.secret)
		if err == nil {
			return &dataKey{e.arn, e.sealed, secret}, nil
		}
	}
	k, err := ask()
	if err != nil {
		e.secret = nil
		return nil, err
	}
	held, err := s.Keyring.Seal(bucketKeySeal, name[:], k.secret)
	if err != nil {
		return nil, err
	}
	e.age, e.expires, e.arn, e.sealed, e.secret = age, c.Time.Add(bucketKeyLife), k.arn, k.sealed, held
	return k, nil
}
