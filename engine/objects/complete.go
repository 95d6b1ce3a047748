package objects

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/redoubt-sec/redoubt/store"
)

// Complete says which parts make the object.
type Complete struct {
	Bucket, Key, Upload string
	Parts               []Chosen // in ascending order
	Versioning          Versioning
	Condition
	// Size, if not nil, is what the client says the object's size is.
	Size *int64
	// Checksum, if it has a Value, is what the client says of the whole object.
	Checksum Checksum
}

// Chosen is a part as CompleteMultipartUpload names it.
type Chosen struct {
	Number   int
	ETag     string   // without quotes
	Checksum Checksum // Algorithm and Value, if the client gave one
}

// CompleteUpload makes a version of parts without copying data, in the
// transaction of ctx. Refusals: ErrNoUpload, ErrNoParts, *PartError (ErrPartOrder,
// ErrInvalidPart, ErrPartTooSmall), ErrChecksum, *SizeError, ErrTooLarge, those of
// Condition, and ErrConflict where one would hold for an object that was not there
// when the upload began, or for one that was.
func (s *Store) CompleteUpload(ctx context.Context, c Complete) (*Version, error) {
	tx := store.From(ctx)
	u, err := getUpload(tx, c.Bucket, c.Key, c.Upload)
	if err != nil {
		return nil, err
	}
	list, err := s.choose(tx, u, c.Parts)
	if err != nil {
		return nil, err
	}
	v := &Version{
		Bucket: u.Bucket, Key: u.Key, ETag: compositeETag(list), Parts: len(list),
		Encryption: u.Encryption, Attributes: u.Attributes, Data: u.Data,
	}
	for _, p := range list {
		v.Size += p.Size
	}
	switch {
	case v.Size > MaxSize:
		return nil, ErrTooLarge
	case c.Size != nil && *c.Size != v.Size:
		return nil, &SizeError{Said: *c.Size, Size: v.Size}
	}
	if v.Checksum, err = whole(u.Checksum, list); err != nil {
		return nil, err
	}
	if c.Checksum.Value != "" && c.Checksum.Value != v.Checksum.Value {
		return nil, ErrChecksum
	}
	if err := writeLayout(tx, &v.Data, list); err != nil {
		return nil, err
	}
	if c.IfMatch != "" || c.IfNoneMatch {
		last, err := newest(tx, u.Bucket, u.Key, Enabled)
		if err == nil {
			err = c.check(last)
		}
		if err == nil && dataOf(last) != u.Was {
			err = ErrConflict
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.add(tx, v, c.Versioning, c.Condition); err != nil {
		return nil, err
	}
	if err := uploads.Delete(tx, store.ID(u.Bucket, u.Key, u.ID)); err != nil {
		return nil, err
	}
	// The records of up to 10,000 parts do not go in one transaction: the collector
	// removes them, and the data of those that were not chosen.
	keep := make([]byte, MaxParts/8+1)
	for _, p := range list {
		keep[p.Number/8] |= 1 << (p.Number % 8)
	}
	return v, s.discard(tx, waste{Upload: u.ID, Keep: keep})
}

// choose finds the named parts.
func (s *Store) choose(tx *store.Tx, u *Upload, chosen []Chosen) ([]Part, error) {
	if len(chosen) == 0 {
		return nil, ErrNoParts
	}
	for i, c := range chosen {
		if i > 0 && c.Number <= chosen[i-1].Number {
			return nil, &PartError{Err: ErrPartOrder, Number: c.Number, ETag: c.ETag}
		}
	}
	var have [MaxParts + 1]*Part
	for row, err := range parts.Scan(tx, store.Query{Prefix: u.ID + "\x00"}) {
		if err != nil {
			return nil, err
		}
		have[row.Value.Number] = row.Value
	}
	list := make([]Part, 0, len(chosen))
	for _, c := range chosen {
		if c.Number < 1 || c.Number > MaxParts {
			return nil, &PartError{Err: ErrInvalidPart, Number: c.Number, ETag: c.ETag}
		}
		p := have[c.Number]
		if p == nil || p.ETag != c.ETag || c.Checksum.Value != "" && (c.Checksum.Algorithm != p.Checksum.Algorithm || c.Checksum.Value != p.Checksum.Value) {
			return nil, &PartError{Err: ErrInvalidPart, Number: c.Number, ETag: c.ETag}
		}
		list = append(list, *p)
	}
	for _, p := range list[:len(list)-1] {
		if p.Size < s.minPart {
			return nil, &PartError{Err: ErrPartTooSmall, Number: p.Number, ETag: p.ETag, Size: p.Size}
		}
	}
	return list, nil
}

// compositeETag is the MD5 of the parts' ETags, as bytes, and how many there are.
func compositeETag(list []Part) string {
	raw := make([][]byte, len(list))
	for i, p := range list {
		raw[i], _ = hex.DecodeString(p.ETag) // we made them: 32 digits
	}
	return fmt.Sprintf("%x-%d", digest(MD5, raw), len(list))
}

// whole computes the object's checksum from its parts'.
func whole(want Checksum, list []Part) (Checksum, error) {
	if want.Algorithm == "" {
		return Checksum{}, nil
	}
	raw := make([][]byte, len(list))
	for i, p := range list {
		if raw[i] = sumOf(p.Checksum); p.Checksum.Algorithm != want.Algorithm || len(raw[i]) != want.Algorithm.Length() {
			return Checksum{}, ErrDamaged
		}
	}
	if want.Type == Composite {
		sum := digest(want.Algorithm, raw)
		return Checksum{want.Algorithm, Composite, fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(sum), len(list))}, nil
	}
	sum := raw[0]
	for i := 1; i < len(list); i++ {
		if sum = combine(want.Algorithm, sum, raw[i], list[i].Size); sum == nil {
			return Checksum{}, fmt.Errorf("objects: %s of a whole object cannot be had from its parts", want.Algorithm)
		}
	}
	return Checksum{want.Algorithm, FullObject, base64.StdEncoding.EncodeToString(sum)}, nil
}
