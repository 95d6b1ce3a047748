package objects

import (
	"context"
	"errors"

	"github.com/redoubt-sec/redoubt/store"
)

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
	ID      string   // of the version that is gone, or of the new delete marker; empty: none was named or made
	Marker  bool     // a delete marker was made, or removed
	Version *Version // what was removed; nil: nothing was there, or only a marker was put before it
}

// Delete deletes in the transaction of ctx. What is not there is no error. A
// version under retention or legal hold is ErrLocked.
func (s *Store) Delete(ctx context.Context, d Delete) (*Deleted, error) {
	if err := checkKey(d.Key); err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	if d.ID != "" {
		return s.deleteVersion(tx, d)
	}
	if d.Versioning != Unversioned {
		v := &Version{Bucket: d.Bucket, Key: d.Key, Marker: true, Attributes: Attributes{Owner: d.Owner}}
		if err := s.add(tx, v, d.Versioning, d.Condition); err != nil {
			return nil, err
		}
		return &Deleted{ID: v.ID, Marker: true}, nil
	}
	v, err := newest(tx, d.Bucket, d.Key, d.Versioning)
	if err != nil {
		return nil, err
	}
	if err := d.check(v); err != nil {
		return nil, err
	}
	if v == nil {
		return &Deleted{}, nil
	}
	return &Deleted{Version: v}, s.remove(tx, v, d.Bypass)
}

func (s *Store) deleteVersion(tx *store.Tx, d Delete) (*Deleted, error) {
	v, err := find(tx, d.Bucket, d.Key, d.ID)
	if errors.Is(err, ErrNoVersion) {
		if err := d.check(nil); err != nil {
			return nil, err
		}
		return &Deleted{ID: d.ID}, nil
	}
	if err != nil {
		return nil, err
	}
	if err := d.check(v); err != nil {
		return nil, err
	}
	return &Deleted{ID: v.ID, Marker: v.Marker, Version: v}, s.remove(tx, v, d.Bypass)
}

// remove removes a version for good. When it was the newest one, the one before
// becomes that.
func (s *Store) remove(tx *store.Tx, v *Version, bypass bool) error {
	if v.Lock.holds(s.Clock.Now(), bypass) {
		return ErrLocked
	}
	if err := s.removeRow(tx, v); err != nil {
		return err
	}
	if err := s.discardData(tx, v); err != nil {
		return err
	}
	id := store.ID(v.Bucket, v.Key)
	e, err := entries.Get(tx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		if !v.Marker {
			return nil // an older version, below a delete marker
		}
	case err != nil:
		return err
	case e.Seq != v.Seq:
		return nil // an older version
	default:
		if err := entries.Delete(tx, id); err != nil {
			return err
		}
	}
	last, err := newest(tx, v.Bucket, v.Key, Enabled)
	if err != nil || last == nil || last.Marker {
		return err
	}
	return entries.Put(tx, id, last.entry())
}

// Edit changes a version's Attributes (tags, retention, legal hold), in the
// transaction of ctx. f must change nothing else, and no map in place; which
// changes are allowed is the service's to judge. An empty id is the latest; delete
// markers are *MarkerError.
func (s *Store) Edit(ctx context.Context, bucket, key, id string, f func(*Version) error) (*Version, error) {
	v, err := s.Head(ctx, bucket, key, id)
	if err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	if err := f(v); err != nil { // Head answers a copy
		return nil, err
	}
	if err := versions.Put(tx, versionRow(bucket, key, v.Seq), v); err != nil {
		return nil, err
	}
	e, err := entries.Get(tx, store.ID(bucket, key))
	if errors.Is(err, store.ErrNotFound) {
		return v, nil
	}
	if err != nil || e.Seq != v.Seq {
		return v, err
	}
	return v, entries.Put(tx, store.ID(bucket, key), v.entry())
}
