package objects

import "context"

// NewBucket makes up the id of a new bucket. Ids are never used again, not even
// by a bucket of the same name: the service keeps the id in its own record of the
// bucket, and in every transaction that commits checks that it still holds.
func NewBucket() string { return "" }

// MakeBucket makes a bucket and its own key, in the transaction of ctx.
func (s *Store) MakeBucket(ctx context.Context, bucket string) error { return errUnfinished }

// DropBucket removes a bucket, in the transaction of ctx: ErrNotEmpty while it
// holds versions. Uploads that were not completed are aborted.
func (s *Store) DropBucket(ctx context.Context, bucket string) error { return errUnfinished }
