package objects

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/redoubt-sec/redoubt/store"
)

var (
	buckets  = store.GlobalTable[bucketKey]("objects.bucket").Rows()
	entries  = store.GlobalTable[Entry]("objects.entry").Rows()
	versions = store.GlobalTable[Version]("objects.version").Rows()
	nulls    = store.GlobalTable[place]("objects.null").Rows()
	uploads  = store.GlobalTable[Upload]("objects.upload").Rows()
	parts    = store.GlobalTable[Part]("objects.part").Rows()
	intents  = store.GlobalTable[intent]("objects.intent").Rows()
	garbage  = store.GlobalTable[waste]("objects.garbage").Rows()
	writers  = store.GlobalTable[beat]("objects.writer").Rows()
)

// Raw records: bytes, no JSON.
const (
	inlines = "objects.inline/"
	layouts = "objects.layout/"
)

// place is where a key's null version stands, unless that is the first place.
type place struct{ Seq uint64 }

// NewBucket makes up the id of a new bucket. Ids are never used again, not even
// by a bucket of the same name: the service keeps the id in its own record of the
// bucket, and in every transaction that commits checks that it still holds.
func NewBucket() string { return strings.ToLower(rand.Text()[:20]) }

// versionRow is the id of a version's record: newest first within a key.
func versionRow(bucket, key string, seq uint64) string {
	return store.ID(bucket, key) + fmt.Sprintf("\x00%016x", ^seq)
}

// splitVersion undoes versionRow.
func splitVersion(id string) (bucket, key string) {
	p := store.Parts(id)
	if len(p) != 3 {
		return "", id
	}
	return p[0], p[1]
}

func partRow(upload string, number int) string { return fmt.Sprintf("%s\x00%05d", upload, number) }

func layoutRow(data string, n int) string { return fmt.Sprintf("%s%s\x00%05d", layouts, data, n) }

// Version ids are 24 bytes in 32 characters: 16 random ones, and the version's
// place, masked so that nobody is tempted to read it.
var alphabet = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._").WithPadding(base64.NoPadding).Strict()

func versionID(seq uint64) string {
	var b [24]byte
	rand.Read(b[:16])
	mask := sha256.Sum256(b[:16])
	binary.BigEndian.PutUint64(b[16:], seq^binary.BigEndian.Uint64(mask[:]))
	return alphabet.EncodeToString(b[:])
}

// seqOf answers the place that a version id names; ok is false if it is none.
func seqOf(id string) (seq uint64, ok bool) {
	b, err := alphabet.DecodeString(id)
	if err != nil || len(b) != 24 {
		return 0, false
	}
	mask := sha256.Sum256(b[:16])
	return binary.BigEndian.Uint64(b[16:]) ^ binary.BigEndian.Uint64(mask[:]), true
}

// ValidVersion reports whether id has the form of a version id.
func ValidVersion(id string) bool {
	_, ok := seqOf(id)
	return ok || id == NullID
}

// load reads the version at a place.
func load(tx *store.Tx, bucket, key string, seq uint64) (*Version, error) {
	rec, err := versions.Get(tx, versionRow(bucket, key, seq))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoVersion
	}
	if err != nil {
		return nil, err
	}
	v := *rec
	v.Bucket, v.Key = bucket, key
	return &v, nil
}

// find reads the version of an id.
func find(tx *store.Tx, bucket, key, id string) (*Version, error) {
	seq, ok := seqOf(id)
	if id == NullID {
		at, err := nulls.Get(tx, store.ID(bucket, key))
		switch {
		case err == nil:
			seq = at.Seq
		case errors.Is(err, store.ErrNotFound):
			seq = 1
		default:
			return nil, err
		}
	} else if !ok {
		return nil, ErrBadVersion
	}
	v, err := load(tx, bucket, key, seq)
	if err == nil && v.ID != id {
		return nil, ErrNoVersion
	}
	return v, err
}

// newest reads a key's newest version or delete marker; nil if there is none.
func newest(tx *store.Tx, bucket, key string, mode Versioning) (*Version, error) {
	e, err := entries.Get(tx, store.ID(bucket, key))
	if err == nil {
		v, err := load(tx, bucket, key, e.Seq)
		if err == nil {
			v.Latest = true
		}
		return v, err
	}
	if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if mode == Unversioned {
		return nil, nil // no delete marker was ever made here
	}
	for row, err := range versions.Scan(tx, store.Query{Prefix: store.ID(bucket, key) + "\x00"}) {
		if err != nil {
			return nil, err
		}
		v := *row.Value
		v.Bucket, v.Key, v.Latest = bucket, key, true
		return &v, nil
	}
	return nil, nil
}
