package objects

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/minio/crc64nvme"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// NewObject says what is about to be written.
type NewObject struct {
	Bucket, Key string
	Size        int64 // bytes that will come; -1: not known
	Encryption  Encryption
	Secrets     [][]byte    // as many as Encryption.Kind takes
	Sums        []Algorithm // to be computed on the way
}

// Writer takes the data of one object or part: Write until all is there, Finish,
// then Commit (or CommitPart) in a transaction. Close always, in the end: it drops
// what was not committed. A Writer belongs to one goroutine.
type Writer struct {
	s      *Store
	ctx    context.Context
	bucket string
	key    string
	enc    Encryption
	data   Data
	hint   int64

	upload *Upload // of a part
	number int

	keys   dataKeys
	cipher *chunkCipher
	hashes hashes
	sums   Sums
	size   int64

	plain  *[]byte // of the chunk that is being filled
	sealed *[]byte
	next   int64  // number of the chunk that is being filled
	crc    uint64 // of what was sealed
	inline []byte

	blob      blob.Writer // nil until the data are too large to stand inline
	named     bool        // an intent was taken
	err       error
	finished  bool
	committed bool
	closed    bool
}

// Create begins an object. It runs outside of any transaction; the caller decides
// about the bucket again in the transaction that commits. ctx reaches to Close.
func (s *Store) Create(ctx context.Context, n NewObject) (*Writer, error) {
	if err := checkKey(n.Key); err != nil {
		return nil, err
	}
	if n.Size > MaxPart {
		return nil, ErrTooLarge
	}
	w := &Writer{s: s, ctx: store.Without(ctx), bucket: n.Bucket, key: n.Key, enc: n.Encryption, hint: n.Size, data: Data{ID: blob.NewName()}}
	var err error
	if w.keys, err = s.newDataKeys(s.DB.Begin(), n.Bucket, n.Key, &w.enc, n.Secrets, &w.data); err != nil {
		return nil, err
	}
	w.begin(n.Sums)
	return w, nil
}

func (w *Writer) begin(sums []Algorithm) {
	w.hashes.add(sums...)
	if w.enc.Kind == SSES3 {
		w.hashes.add(MD5) // its ETag
	}
	w.plain, w.sealed = buffers.Get().(*[]byte), buffers.Get().(*[]byte)
	*w.plain, *w.sealed = (*w.plain)[:0], (*w.sealed)[:0]
}

// Size is how many bytes were written.
func (w *Writer) Size() int64 { return w.size }

// Write implements io.Writer. It fails with blob.ErrFull when there is no room.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err == nil && (w.finished || w.closed) {
		w.err = errors.New("objects: write after the end")
	}
	written := 0
	for len(p) > 0 && w.err == nil {
		// A full chunk waits for the byte behind it: the last one is marked as such.
		if len(*w.plain) == chunkSize {
			w.err = w.flush(false)
			continue
		}
		n := min(len(p), chunkSize-len(*w.plain))
		*w.plain = append(*w.plain, p[:n]...)
		p, written, w.size = p[n:], written+n, w.size+int64(n)
		if w.size > MaxPart {
			w.err = ErrTooLarge
		}
	}
	return written, w.err
}

// flush hashes and encrypts the chunk and sends it off.
func (w *Writer) flush(last bool) error {
	w.hashes.write(*w.plain)
	if w.cipher == nil {
		if err := w.open(last && len(*w.plain) <= inlineSize); err != nil {
			return err
		}
	}
	*w.sealed = w.cipher.seal((*w.sealed)[:0], *w.plain, w.next, last)
	w.next++
	*w.plain = (*w.plain)[:0]
	w.crc = crc64nvme.Update(w.crc, *w.sealed)
	if w.data.Segment.Inline {
		w.inline = append([]byte(nil), *w.sealed...)
		return nil
	}
	_, err := w.blob.Write(*w.sealed)
	return err
}

// open decides where the data go.
func (w *Writer) open(inline bool) (err error) {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if inline {
		var id [16]byte
		rand.Read(id[:])
		w.data.Segment = Segment{ID: hex.EncodeToString(id[:]), Inline: true}
	} else {
		name, err := w.s.take(w.ctx)
		if err != nil {
			return err
		}
		w.named = true
		w.data.Segment = Segment{ID: name}
	}
	if w.cipher, err = newChunkCipher(w.keys, w.data.Segment.ID); err != nil || inline {
		return err
	}
	room := int64(-1)
	if w.hint >= 0 {
		room = stored(w.hint, len(w.keys))
	}
	w.blob, err = w.s.Blobs.Create(w.ctx, w.data.Segment.ID, room)
	return err
}

// Finish ends the data. When it answers, they are durable, but for small ones,
// which become so with the transaction; the sums are final: those that were asked
// for, and MD5 where it is the ETag.
func (w *Writer) Finish() (Sums, error) {
	if w.err == nil && w.finished {
		return w.sums, nil
	}
	if w.err == nil && w.closed {
		w.err = errors.New("objects: finish after close")
	}
	if w.err == nil {
		w.err = w.flush(true)
	}
	if w.err == nil && w.blob != nil {
		w.err = w.blob.Commit()
		w.blob = nil
	}
	if w.err != nil {
		return nil, w.err
	}
	w.finished = true
	w.data.Segment.Size, w.data.Segment.CRC = w.size, w.crc
	w.sums = w.hashes.sums()
	w.free()
	return w.sums, nil
}

// free gives back what only writing takes. Buffers held plaintext.
func (w *Writer) free() {
	w.keys.wipe()
	w.keys = nil
	if w.plain != nil {
		clear((*w.plain)[:cap(*w.plain)])
		buffers.Put(w.plain)
		buffers.Put(w.sealed)
		w.plain, w.sealed = nil, nil
	}
}

// etag is the MD5 of what was written where that says nothing about the plaintext
// that its encryption should hide; else it is random, as AWS's are not digests.
func (w *Writer) etag() string {
	if w.enc.Kind == SSES3 {
		return hex.EncodeToString(w.sums[MD5])
	}
	return w.data.ID
}

// settle writes what belongs to the segment, whichever record refers to it.
func (w *Writer) settle(tx *store.Tx) error {
	if !w.finished || w.closed {
		return errors.New("objects: commit of data that are not finished")
	}
	tx.AfterCommit(func() { w.committed = true })
	if w.data.Segment.Inline {
		return tx.Put(inlines+w.data.Segment.ID, w.inline)
	}
	return w.s.fulfil(tx, w.data.Segment.ID)
}

// Close drops what was not committed and wipes keys. It does nothing after a
// commit that succeeded.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.free()
	var err error
	if w.blob != nil {
		err = w.blob.Abort()
	}
	if w.named {
		if !w.committed {
			err = errors.Join(err, w.s.drop(w))
		}
		w.s.release()
	}
	if err != nil {
		return fmt.Errorf("objects: dropping %s: %w", w.data.Segment.ID, err)
	}
	return nil
}
