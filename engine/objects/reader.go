package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// Head answers a version in the transaction of ctx; an empty id means the latest.
// Delete markers are *MarkerError, which is ErrNoKey too.
func (s *Store) Head(ctx context.Context, bucket, key, id string) (*Version, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	if id == "" {
		v, err := newest(tx, bucket, key, Enabled)
		switch {
		case err != nil:
			return nil, err
		case v == nil:
			return nil, ErrNoKey
		case v.Marker:
			return nil, &MarkerError{v}
		}
		return v, nil
	}
	v, err := find(tx, bucket, key, id)
	if err != nil {
		return nil, err
	}
	last, err := newest(tx, bucket, key, Enabled)
	if err != nil {
		return nil, err
	}
	v.Latest = last != nil && last.Seq == v.Seq
	if v.Marker {
		return nil, &MarkerError{v}
	}
	return v, nil
}

// Read says which bytes of a version, and the secrets that its encryption takes.
type Read struct {
	Secrets [][]byte
	Offset  int64
	Length  int64 // negative: to the end; beyond it: as much as there is
}

// Open reads from a version, outside of any transaction. Secrets are checked and
// the first chunk is authenticated before it answers. Reading fails with ErrDamaged
// before any byte of a bad chunk. When the version was removed since it was looked
// up: ErrChanged, and the caller looks again. What is open stays readable when the
// version is removed. ctx reaches to Close.
func (s *Store) Open(ctx context.Context, v *Version, r Read) (io.ReadCloser, error) {
	if v.Marker || r.Offset < 0 || r.Offset > v.Size || r.Offset == v.Size && v.Size > 0 {
		return nil, ErrRange
	}
	length := v.Size - r.Offset
	if r.Length >= 0 {
		length = min(length, r.Length)
	}
	tx := s.DB.Begin() // never committed: it reads what is there now
	keys, err := s.openDataKeys(tx, v.Bucket, v.Key, &v.Encryption, r.Secrets, &v.Data)
	if err != nil {
		return nil, err
	}
	out := &reader{s: s, ctx: store.Without(ctx), tx: tx, v: v, keys: keys, left: length, sealed: buffers.Get().(*[]byte), opened: buffers.Get().(*[]byte)}
	s.pin(v.Data.ID)
	if err = out.still(); err == nil {
		err = out.seek(r.Offset)
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// reader reads segment after segment, chunk after chunk.
type reader struct {
	s    *Store
	ctx  context.Context
	tx   *store.Tx
	v    *Version
	keys dataKeys
	left int64 // bytes that are still to be handed out

	layout layoutReader
	cipher *chunkCipher
	from   io.ReadCloser // the rest of the segment
	size   int64         // of the segment's plaintext
	chunk  int64         // number of the next chunk
	skip   int           // bytes of it before the range
	plain  []byte        // of the chunk, in opened
	sealed *[]byte
	opened *[]byte
	err    error
}

// still answers ErrChanged when the version is no longer what it was: only what
// is referenced after it was pinned is sure to stay.
func (r *reader) still() error {
	there, err := r.s.refers(r.ctx, r.v)
	if err == nil && !there {
		err = ErrChanged
	}
	return err
}

// refers reports whether a version's record still refers to the same data, in a
// transaction that is checked: one that is not may be shown, for a moment, what a
// commit has replaced, while the collector sees the garbage that it made.
func (s *Store) refers(ctx context.Context, v *Version) (there bool, err error) {
	err = s.run(ctx, func(tx *store.Tx) error {
		now, err := load(tx, v.Bucket, v.Key, v.Seq)
		if errors.Is(err, ErrNoVersion) {
			there = false
			return nil
		}
		there = err == nil && now.Data.ID == v.Data.ID
		return err
	})
	return there, err
}

// seek opens the segment in which offset lies, and its chunk.
func (r *reader) seek(offset int64) error {
	seg := r.v.Data.Segment
	if len(r.v.Data.Starts) > 0 {
		r.layout = layoutReader{tx: r.tx, data: &r.v.Data}
		var err error
		if seg, offset, err = r.layout.find(offset); err != nil {
			return err
		}
	}
	if err := r.segment(seg, offset); err != nil {
		return err
	}
	return r.fill()
}

// segment opens a segment from the chunk in which offset lies.
func (r *reader) segment(seg Segment, offset int64) (err error) {
	if r.cipher, err = newChunkCipher(r.keys, seg.ID); err != nil {
		return err
	}
	r.size = seg.Size
	r.chunk, r.skip = offset/chunkSize, int(offset%chunkSize)
	layers := len(r.keys)
	start := r.chunk * int64(r.cipher.sealed(chunkSize))
	end := stored(seg.Size, layers)
	if last := max((offset+r.left+chunkSize-1)/chunkSize, r.chunk+1); last < chunks(seg.Size) {
		end = last * int64(r.cipher.sealed(chunkSize))
	}
	if seg.Inline {
		b, err := r.tx.Get(inlines + seg.ID)
		if errors.Is(err, store.ErrNotFound) {
			return r.missing(seg)
		}
		if err != nil {
			return err
		}
		if int64(len(b)) != stored(seg.Size, layers) {
			return fmt.Errorf("%w: segment %s has %d bytes", ErrDamaged, seg.ID, len(b))
		}
		r.from = io.NopCloser(bytes.NewReader(b[start:end]))
		return nil
	}
	r.from, err = r.s.Blobs.Open(r.ctx, seg.ID, start, end-start)
	if errors.Is(err, blob.ErrNotFound) {
		return r.missing(seg)
	}
	return err
}

// missing tells a version that was removed from data that are lost.
func (r *reader) missing(seg Segment) error {
	if err := r.still(); err != nil {
		return err
	}
	if err := r.s.bind(r.ctx, false); err != nil {
		return err
	}
	return fmt.Errorf("%w: segment %s is missing", ErrDamaged, seg.ID)
}

// fill decrypts the next chunk.
func (r *reader) fill() error {
	n, total := int64(chunkSize), chunks(r.size)
	last := r.chunk == total-1
	if last {
		n = r.size - r.chunk*chunkSize
	}
	b := (*r.sealed)[:r.cipher.sealed(int(n))]
	if _, err := io.ReadFull(r.from, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: segment ends in chunk %d of %d", ErrDamaged, r.chunk, total)
		}
		return err
	}
	plain, err := r.cipher.open((*r.opened)[:0], b, r.chunk, last)
	if err != nil {
		return fmt.Errorf("%w: chunk %d of %d is not authentic", ErrDamaged, r.chunk, total)
	}
	r.chunk++
	plain = plain[min(r.skip, len(plain)):]
	r.skip = 0
	r.plain = plain[:min(int64(len(plain)), r.left)]
	return nil
}

// more makes plaintext available, or answers io.EOF.
func (r *reader) more() error {
	for r.err == nil && len(r.plain) == 0 {
		if r.left == 0 {
			r.err = io.EOF
			break
		}
		if r.chunk == chunks(r.size) {
			r.err = r.nextSegment()
		}
		if r.err == nil {
			r.err = r.fill()
		}
	}
	return r.err
}

func (r *reader) nextSegment() error {
	r.from.Close()
	r.from = nil
	seg, err := r.layout.next()
	if err != nil {
		return err
	}
	return r.segment(seg, 0)
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.more(); err != nil {
		return 0, err
	}
	n := copy(p, r.plain)
	r.plain, r.left = r.plain[n:], r.left-int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo: chunks go out without another copy.
func (r *reader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		if err := r.more(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
		n, err := w.Write(r.plain)
		total += int64(n)
		r.plain, r.left = r.plain[n:], r.left-int64(n)
		if err != nil {
			return total, err
		}
	}
}

// Close implements io.Closer.
func (r *reader) Close() error {
	if r.opened == nil {
		return nil
	}
	r.s.unpin(r.v.Data.ID)
	r.keys.wipe()
	clear((*r.opened)[:cap(*r.opened)])
	if len(r.keys) > 1 {
		clear((*r.sealed)[:cap(*r.sealed)]) // the inner layer's
	}
	buffers.Put(r.opened)
	buffers.Put(r.sealed)
	r.opened, r.sealed, r.plain, r.err = nil, nil, nil, errors.New("objects: read after close")
	if r.from != nil {
		return r.from.Close()
	}
	return nil
}
