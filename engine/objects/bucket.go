package objects

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/store"
)

// bucketKey is a bucket's own key: SSE-S3 wraps data keys under it, so that a new
// root key means one record per bucket, not one per object.
type bucketKey struct{ Sealed []byte }

const purpose = "objects.bucket"

// MakeBucket makes a bucket and its own key, in the transaction of ctx.
func (s *Store) MakeBucket(ctx context.Context, bucket string) error {
	key := make([]byte, 32)
	rand.Read(key)
	defer harden.Wipe(key)
	sealed, err := s.Keys.Seal(purpose, []byte(bucket), key)
	if err != nil {
		return err
	}
	return buckets.Put(store.From(ctx), bucket, &bucketKey{sealed})
}

// DropBucket removes a bucket, in the transaction of ctx: ErrNotEmpty while it
// holds versions. Uploads that were not completed are aborted.
func (s *Store) DropBucket(ctx context.Context, bucket string) error {
	tx := store.From(ctx)
	if _, err := getBucket(tx, bucket); err != nil {
		return err
	}
	for _, err := range versions.Scan(tx, store.Query{Prefix: bucket + "\x00"}) {
		if err != nil {
			return err
		}
		return ErrNotEmpty
	}
	if err := buckets.Delete(tx, bucket); err != nil {
		return err
	}
	return s.discard(tx, waste{Bucket: bucket})
}

func getBucket(tx *store.Tx, bucket string) (*bucketKey, error) {
	b, err := buckets.Get(tx, bucket)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoBucket
	}
	return b, err
}

// withBucketKey lends f the bucket's key.
func (s *Store) withBucketKey(tx *store.Tx, bucket string, f func(key []byte) error) error {
	b, err := getBucket(tx, bucket)
	if err != nil {
		return err
	}
	key, err := s.Keys.Open(purpose, []byte(bucket), b.Sealed)
	if errors.Is(err, keyring.ErrDamaged) {
		return errors.Join(ErrDamaged, err)
	}
	if err != nil {
		return err
	}
	defer harden.Wipe(key)
	return f(key)
}

// Owner re-seals the buckets' keys when the root key is replaced.
func (s *Store) Owner() keyring.Owner {
	return keyring.Records(purpose, buckets, func(id string, b *bucketKey) (bool, error) {
		sealed, changed, err := s.Keys.Renew(purpose, []byte(id), b.Sealed)
		b.Sealed = sealed
		return changed, err
	})
}
