package objects

import (
	"context"
	"errors"

	"github.com/redoubt-sec/redoubt/store"
)

// Put is what becomes of data that were written.
type Put struct {
	Versioning Versioning
	Attributes
	Checksum Checksum // to be kept; the service has compared it with what the client said
	Condition
}

// Condition is what the key's object must be for a write to happen, judged in
// the transaction that writes. ETags stand without quotes.
type Condition struct {
	IfMatch     string // ETag of the object that is there; "*": any
	IfNoneMatch bool   // no object may be there
	// Delete only.
	IfModified *int64 // Unix seconds
	IfSize     *int64
}

// check compares with the key's newest version; nil if it has none.
func (c Condition) check(v *Version) error {
	there := v != nil && !v.Marker
	if c.IfNoneMatch && there {
		return ErrExists
	}
	if c.IfMatch == "" && c.IfModified == nil && c.IfSize == nil {
		return nil
	}
	switch {
	case !there:
		return ErrNoKey
	case c.IfMatch != "" && c.IfMatch != "*" && c.IfMatch != v.ETag,
		c.IfModified != nil && *c.IfModified != v.Modified.Unix(),
		c.IfSize != nil && *c.IfSize != v.Size:
		return ErrNotMatched
	}
	return nil
}

// Commit makes the data the key's newest version, in the transaction of ctx; it
// is done when that commits. It may run again with it.
func (w *Writer) Commit(ctx context.Context, p Put) (*Version, error) {
	if w.upload != nil {
		return nil, errors.New("objects: a part is committed by CommitPart")
	}
	tx := store.From(ctx)
	v := &Version{
		Bucket: w.bucket, Key: w.key, Size: w.size, ETag: w.etag(), Checksum: p.Checksum,
		Encryption: w.enc, Attributes: p.Attributes, Data: w.data,
	}
	if err := w.s.add(tx, v, p.Versioning, p.Condition); err != nil {
		return nil, err
	}
	return v, w.settle(tx)
}

// add makes v the newest version of its key. It gives it its place, id and time.
func (s *Store) add(tx *store.Tx, v *Version, mode Versioning, c Condition) error {
	if _, err := getBucket(tx, v.Bucket); err != nil {
		return err
	}
	last, err := newest(tx, v.Bucket, v.Key, mode)
	if err != nil {
		return err
	}
	if err := c.check(last); err != nil {
		return err
	}
	v.Seq, v.ID = 1, NullID
	if last != nil && mode != Unversioned {
		v.Seq = last.Seq + 1
	}
	if mode == Enabled {
		v.ID = versionID(v.Seq)
	} else if err := s.replaceNull(tx, v, mode, last); err != nil {
		return err
	}
	v.Modified, v.Latest = s.now(), true
	if err := versions.Put(tx, versionRow(v.Bucket, v.Key, v.Seq), v); err != nil {
		return err
	}
	id := store.ID(v.Bucket, v.Key)
	if !v.Marker {
		return entries.Put(tx, id, v.entry())
	}
	if last == nil || last.Marker {
		return nil
	}
	return entries.Delete(tx, id)
}

// replaceNull removes the key's null version, whose successor v is.
func (s *Store) replaceNull(tx *store.Tx, v *Version, mode Versioning, last *Version) error {
	old := last
	if last == nil || last.ID != NullID {
		if mode == Unversioned || last == nil {
			return s.noteNull(tx, v)
		}
		var err error
		old, err = find(tx, v.Bucket, v.Key, NullID)
		if errors.Is(err, ErrNoVersion) {
			return s.noteNull(tx, v)
		}
		if err != nil {
			return err
		}
	}
	if old.Lock.holds(s.Clock.Now(), false) {
		return ErrLocked
	}
	if old.Seq != v.Seq {
		if err := s.removeRow(tx, old); err != nil {
			return err
		}
	}
	if err := s.discardData(tx, old); err != nil {
		return err
	}
	return s.noteNull(tx, v)
}

// noteNull keeps where the null version stands, if that is not the first place.
func (s *Store) noteNull(tx *store.Tx, v *Version) error {
	if v.Seq == 1 {
		return nil
	}
	return nulls.Put(tx, store.ID(v.Bucket, v.Key), &place{v.Seq})
}

// removeRow removes a version's record, and what points to it.
func (s *Store) removeRow(tx *store.Tx, v *Version) error {
	if v.ID == NullID && v.Seq != 1 {
		if err := nulls.Delete(tx, store.ID(v.Bucket, v.Key)); err != nil {
			return err
		}
	}
	return versions.Delete(tx, versionRow(v.Bucket, v.Key, v.Seq))
}
