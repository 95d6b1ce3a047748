package objects

import (
	"context"
	"errors"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/redoubt-sec/redoubt/store"
)

// Query is a page of a listing. Order is the keys' byte order; common prefixes
// are seeked past, never walked.
//
// Listings read what is there when they walk, outside of the caller's transaction:
// in it, every write to the bucket in the meantime would make them start over.
type Query struct {
	Bucket, Prefix, Delimiter string
	// After is the key or common prefix behind which the page begins (Page.Next of
	// the one before); AfterID, within that key, the version or upload id. A key
	// without an id is left out whole.
	After, AfterID string
	Most           int // entries and prefixes together; 0 answers an empty page
}

// Page is what a listing found.
type Page[T any] struct {
	Items    []T
	Prefixes []string // common prefixes
	More     bool
	// Next and NextID are for Query.After and AfterID of the following page, if
	// there is More.
	Next, NextID string
}

// walk walks the rows of a table, whose ids begin with bucket and key, for a page.
// add takes a record (its key, the rest of its id, its value); prefixes go to p.
func walk[T any](db *store.DB, table string, q Query, start string, p *Page[T], add func(key, rest string, value []byte) (id string, err error)) (err error) {
	head := table + "/"
	rg := store.Prefix(head + store.ID(q.Bucket, q.Prefix))
	rg.Start = max(rg.Start, start)
	if q.Delimiter != "" && strings.HasPrefix(q.After, q.Prefix) && q.AfterID == "" {
		if rest := q.After[len(q.Prefix):]; strings.HasSuffix(rest, q.Delimiter) && strings.Index(rest, q.Delimiter) == len(rest)-len(q.Delimiter) {
			rg.Start = max(rg.Start, store.Prefix(head+store.ID(q.Bucket, q.After)).End) // behind a common prefix
		}
	}
	count := 0
	werr := store.Walk(db.Backend(), rg, func(kv store.KV) (next string, more bool) {
		if count == q.Most {
			p.More = true
			return "", false
		}
		count++
		key, rest := splitRow(kv.Key[len(head):])
		if q.Delimiter != "" {
			if i := strings.Index(key[len(q.Prefix):], q.Delimiter); i >= 0 {
				group := key[:len(q.Prefix)+i+len(q.Delimiter)]
				p.Prefixes = append(p.Prefixes, group)
				p.Next, p.NextID = group, ""
				return store.Prefix(head + store.ID(q.Bucket, group)).End, true
			}
		}
		var id string
		id, err = add(key, rest, kv.Value)
		p.Next, p.NextID = key, id
		return "", err == nil
	})
	return errors.Join(err, werr)
}

// splitRow takes bucket, key and what follows apart.
func splitRow(id string) (key, rest string) {
	_, id, _ = strings.Cut(id, "\x00")
	id, rest, _ = strings.Cut(id, "\x00")
	if strings.IndexByte(id, 1) >= 0 {
		id = store.Parts(id)[0]
	}
	return id, rest
}

func decode(b []byte, v any) error { return jsonv2.Unmarshal(b, v, jsonv1.DefaultOptionsV1()) }

// behind is where the records behind a key begin.
func behind(table, bucket, key string) string {
	return store.Prefix(table + "/" + store.ID(bucket, key) + "\x00").End
}

// List answers latest versions that are no delete markers.
func (s *Store) List(_ context.Context, q Query) (*Page[Entry], error) {
	const table = "objects.entry"
	p := &Page[Entry]{}
	if q.Most <= 0 {
		return p, nil
	}
	start := ""
	if q.After != "" {
		start = table + "/" + store.ID(q.Bucket, q.After) + "\x00"
	}
	p.Items = make([]Entry, 0, min(q.Most, 1000))
	err := walk(s.DB, table, q, start, p, func(key, _ string, value []byte) (string, error) {
		p.Items = append(p.Items, Entry{Key: key})
		return "", p.Items[len(p.Items)-1].UnmarshalJSON(value)
	})
	return p, err
}

// ListVersions answers versions and delete markers, newest first within a key.
// An AfterID that is no version id is ErrBadVersion.
func (s *Store) ListVersions(_ context.Context, q Query) (*Page[*Version], error) {
	const table = "objects.version"
	p := &Page[*Version]{}
	if q.Most <= 0 {
		return p, nil
	}
	tx := s.DB.Begin()
	start, err := s.startOfVersions(tx, table, q)
	if err != nil {
		return nil, err
	}
	last, lastSeq := "", uint64(0) // the key whose latest version is known
	err = walk(s.DB, table, q, start, p, func(key, _ string, value []byte) (string, error) {
		v := &Version{Bucket: q.Bucket, Key: key}
		if err := decode(value, v); err != nil {
			return "", err
		}
		if key != last {
			last, lastSeq = key, v.Seq
			if key == q.After && q.AfterID != "" {
				n, err := newest(tx, q.Bucket, key, Enabled)
				if err != nil {
					return "", err
				}
				if n != nil {
					lastSeq = n.Seq
				}
			}
		}
		v.Latest = v.Seq == lastSeq
		p.Items = append(p.Items, v)
		return v.ID, nil
	})
	return p, err
}

func (s *Store) startOfVersions(tx *store.Tx, table string, q Query) (string, error) {
	if q.After == "" {
		return "", nil
	}
	if q.AfterID == "" {
		return behind(table, q.Bucket, q.After), nil
	}
	seq, ok := seqOf(q.AfterID)
	if q.AfterID == NullID {
		v, err := find(tx, q.Bucket, q.After, NullID)
		if err == ErrNoVersion {
			return behind(table, q.Bucket, q.After), nil // removed meanwhile: where it stood is not known
		}
		if err != nil {
			return "", err
		}
		seq = v.Seq
	} else if !ok {
		return "", ErrBadVersion
	}
	return table + "/" + versionRow(q.Bucket, q.After, seq) + "\x00", nil
}

// ListUploads answers uploads, oldest first within a key.
func (s *Store) ListUploads(_ context.Context, q Query) (*Page[*Upload], error) {
	const table = "objects.upload"
	p := &Page[*Upload]{}
	if q.Most <= 0 {
		return p, nil
	}
	start := ""
	switch {
	case q.After != "" && q.AfterID != "":
		start = table + "/" + store.ID(q.Bucket, q.After, q.AfterID) + "\x00"
	case q.After != "":
		start = behind(table, q.Bucket, q.After)
	}
	err := walk(s.DB, table, q, start, p, func(key, rest string, value []byte) (string, error) {
		u := &Upload{Bucket: q.Bucket, Key: key, ID: rest}
		if err := decode(value, u); err != nil {
			return "", err
		}
		p.Items = append(p.Items, u)
		return u.ID, nil
	})
	return p, err
}
