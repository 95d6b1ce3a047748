package objects

import "context"

// Delete says what is deleted.
type Delete struct {
	Bucket, Key string
	ID          string // empty: the object, which in versioned buckets puts a delete marker
	Versioning  Versioning
	Owner       string // of a delete marker
	Condition
	Bypass bool // the caller may go past governance retention, and said so
}

// Deleted says what has happened.
type Deleted struct {
	ID      string   // of the version that is gone, or of the new delete marker; empty: no version was named or made
	Marker  bool     // a delete marker was made, or removed
	Version *Version // what was removed; nil: nothing was there, or a marker was made
}

// Delete deletes in the transaction of ctx. What is not there is no error. A
// version under retention or legal hold is ErrLocked.
func (s *Store) Delete(ctx context.Context, d Delete) (*Deleted, error) { return nil, errUnfinished }

// Edit changes a version's Attributes (tags, retention, legal hold), in the
// transaction of ctx. f must change nothing else, and no map in place; which
// changes are allowed is the service's to judge.
func (s *Store) Edit(ctx context.Context, bucket, key, id string, f func(*Version) error) (*Version, error) {
	return nil, errUnfinished
}
