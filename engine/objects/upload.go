package objects

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// Upload is a multipart upload. Uploads that the engine answers share their maps
// and are read-only.
type Upload struct {
	Bucket     string `json:"-"`
	Key        string `json:"-"`
	ID         string `json:"-"`
	Initiated  time.Time
	Initiator  string `json:",omitempty"` // ARN
	Encryption Encryption
	Checksum   Checksum `json:",omitzero"`  // Algorithm and Type of the object's; no Value
	Unasked    bool     `json:",omitempty"` // the client asked for no checksum: it sees the object's alone
	Was        string   `json:",omitempty"` // the data of the object that was there when the upload began
	Attributes
	Data Data
}

// Part is a part of an upload, or of an object that was uploaded in parts.
type Part struct {
	Number   int
	Offset   int64 `json:"-"` // in the object
	Size     int64
	ETag     string    `json:",omitempty"` // of an upload's
	Modified time.Time `json:",omitzero"`  // of an upload's
	Checksum Checksum  `json:",omitzero"`
	Segment  Segment   `json:",omitzero"`
}

// NewUpload says what is about to be uploaded in parts.
type NewUpload struct {
	Bucket, Key string
	Encryption  Encryption
	Secrets     [][]byte
	Initiator   string
	Checksum    Checksum // Algorithm and Type of the object's checksum; none: empty
	Unasked     bool     // see Upload
	Attributes
}

var lexical = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// uploadID makes an id whose order is that of time, as listings are ordered.
func uploadID(now time.Time) string {
	var b [35]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixNano()))
	rand.Read(b[8:])
	return lexical.EncodeToString(b[:])
}

// StartUpload begins an upload, in the transaction of ctx.
func (s *Store) StartUpload(ctx context.Context, n NewUpload) (*Upload, error) {
	if err := checkKey(n.Key); err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	if _, err := getBucket(tx, n.Bucket); err != nil {
		return nil, err
	}
	u := &Upload{
		Bucket: n.Bucket, Key: n.Key, ID: uploadID(s.Clock.Now()), Initiated: s.now(), Initiator: n.Initiator,
		Encryption: n.Encryption, Checksum: n.Checksum, Unasked: n.Unasked, Attributes: n.Attributes, Data: Data{ID: blob.NewName()},
	}
	last, err := newest(tx, n.Bucket, n.Key, Enabled)
	if err != nil {
		return nil, err
	}
	u.Was = dataOf(last)
	keys, err := s.newDataKeys(tx, n.Bucket, n.Key, &u.Encryption, n.Secrets, &u.Data)
	if err != nil {
		return nil, err
	}
	keys.wipe() // each part unwraps its own copy
	return u, uploads.Put(tx, store.ID(u.Bucket, u.Key, u.ID), u)
}

// dataOf names the data of an object; "" where there is none.
func dataOf(v *Version) string {
	if v == nil || v.Marker {
		return ""
	}
	return v.Data.ID
}

// Upload answers an upload, in the transaction of ctx, or ErrNoUpload.
func (s *Store) Upload(ctx context.Context, bucket, key, id string) (*Upload, error) {
	return getUpload(store.From(ctx), bucket, key, id)
}

func getUpload(tx *store.Tx, bucket, key, id string) (*Upload, error) {
	if checkKey(key) != nil || len(id) != lexical.EncodedLen(35) {
		return nil, ErrNoUpload
	}
	rec, err := uploads.Get(tx, store.ID(bucket, key, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoUpload
	}
	if err != nil {
		return nil, err
	}
	u := *rec
	u.Bucket, u.Key, u.ID = bucket, key, id
	return &u, nil
}

// NewPart says which part is about to be written.
type NewPart struct {
	Bucket, Key, Upload string
	Number              int
	Size                int64       // -1: not known
	Secrets             [][]byte    // as the upload's encryption takes
	Sums                []Algorithm // besides the upload's own
}

// PutPart begins a part, as Create begins an object. The writer's CommitPart ends
// it, and replaces an earlier part of the number.
func (s *Store) PutPart(ctx context.Context, n NewPart) (*Writer, error) {
	if n.Number < 1 || n.Number > MaxParts {
		return nil, ErrPartNumber
	}
	if n.Size > MaxPart {
		return nil, ErrTooLarge
	}
	tx := s.DB.Begin()
	u, err := getUpload(tx, n.Bucket, n.Key, n.Upload)
	if err != nil {
		return nil, err
	}
	w := &Writer{s: s, ctx: store.Without(ctx), bucket: n.Bucket, key: n.Key, enc: u.Encryption, data: u.Data, hint: n.Size, upload: u, number: n.Number}
	if w.keys, err = s.openDataKeys(tx, n.Bucket, n.Key, &w.enc, n.Secrets, &w.data); err != nil {
		return nil, err
	}
	w.begin(n.Sums)
	w.hashes.add(u.Checksum.Algorithm)
	return w, nil
}

// CommitPart makes the data the part that PutPart began, in the transaction of
// ctx. Its checksum is by the upload's algorithm, if that has one.
func (w *Writer) CommitPart(ctx context.Context) (*Part, error) {
	if w.upload == nil {
		return nil, errors.New("objects: an object is committed by Commit")
	}
	tx := store.From(ctx)
	if _, err := getBucket(tx, w.bucket); err != nil {
		return nil, err
	}
	if _, err := getUpload(tx, w.bucket, w.key, w.upload.ID); err != nil {
		return nil, err
	}
	p := &Part{
		Number: w.number, Size: w.size, Modified: w.s.now(), Checksum: w.sums.Checksum(w.upload.Checksum.Algorithm), Segment: w.data.Segment,
		ETag: w.etag(),
	}
	id := partRow(w.upload.ID, w.number)
	old, err := parts.Get(tx, id)
	if err == nil {
		err = w.s.discard(tx, waste{Segments: []Segment{old.Segment}})
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err := parts.Put(tx, id, p); err != nil {
		return nil, err
	}
	return p, w.settle(tx)
}

// AbortUpload ends an upload without an object, in the transaction of ctx.
func (s *Store) AbortUpload(ctx context.Context, bucket, key, id string) error {
	tx := store.From(ctx)
	if _, err := getUpload(tx, bucket, key, id); err != nil {
		return err
	}
	return s.abort(tx, bucket, key, id)
}

func (s *Store) abort(tx *store.Tx, bucket, key, id string) error {
	if err := uploads.Delete(tx, store.ID(bucket, key, id)); err != nil {
		return err
	}
	return s.discard(tx, waste{Upload: id})
}

// ListParts answers an upload's parts behind number after, at most most.
func (s *Store) ListParts(_ context.Context, u *Upload, after, most int) (list []Part, more bool, err error) {
	q := store.Query{Prefix: u.ID + "\x00", After: partRow(u.ID, min(max(after, 0), MaxParts))}
	for row, err := range parts.Scan(s.DB.Begin(), q) {
		if err != nil {
			return nil, false, err
		}
		if len(list) >= most {
			return list, true, nil
		}
		list = append(list, *row.Value)
	}
	return list, false, nil
}

// sumOf is a part's checksum as bytes.
func sumOf(c Checksum) []byte {
	b, err := base64.StdEncoding.DecodeString(c.Value)
	if err != nil {
		return nil
	}
	return b
}
