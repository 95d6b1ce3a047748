package backup

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/redoubt-sec/redoubt/store"
)

// The inner form, compressed: a summary as JSON behind its length, then records
// ('r', key and value behind their lengths, the revision between), then 'e' and
// their number.

// Summary says what a backup is of.
type Summary struct {
	Installation string    // the same for all backups and ledgers of one store
	Created      time.Time // wall time
	Revision     int64     // of the state
	Records      int64     // known at the end
}

// maxSummary bounds the summary's length.
const maxSummary = 4 << 10

type recordWriter struct {
	z   *zstd.Encoder
	buf []byte
	n   int64
}

func newRecordWriter(w io.Writer, s Summary) (*recordWriter, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	rw := &recordWriter{z: z}
	_, err = z.Write(append(binary.AppendUvarint(nil, uint64(len(b))), b...))
	return rw, err
}

func (w *recordWriter) put(kv store.KV) error {
	b := append(w.buf[:0], 'r')
	b = binary.AppendUvarint(b, uint64(len(kv.Key)))
	b = append(b, kv.Key...)
	b = binary.AppendUvarint(b, uint64(kv.Rev))
	b = binary.AppendUvarint(b, uint64(len(kv.Value)))
	b = append(b, kv.Value...)
	w.buf = b
	w.n++
	_, err := w.z.Write(b)
	return err
}

func (w *recordWriter) close() error {
	_, err := w.z.Write(binary.AppendUvarint([]byte{'e'}, uint64(w.n)))
	return errors.Join(err, w.z.Close())
}

type recordReader struct {
	z       *zstd.Decoder
	r       *bufio.Reader
	summary Summary
}

func newRecordReader(in io.Reader) (*recordReader, error) {
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(1<<20), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, err
	}
	rr := &recordReader{z: z, r: bufio.NewReaderSize(z, 64<<10)}
	b, err := rr.bytes(maxSummary)
	if err == nil && json.Unmarshal(b, &rr.summary) != nil {
		err = ErrDamaged
	}
	if err != nil {
		z.Close()
		return nil, rr.clean(err)
	}
	return rr, nil
}

func (r *recordReader) bytes(limit uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(r.r)
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, ErrDamaged
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r.r, b)
	return b, err
}

// clean maps whatever the layers below make of a stream that ends too early or
// says nonsense to an error of ours.
func (r *recordReader) clean(err error) error {
	for _, known := range []error{ErrDamaged, ErrCut, ErrWrongKey, ErrNotBackup} {
		if errors.Is(err, known) {
			return known
		}
	}
	return fmt.Errorf("%w (%w)", ErrDamaged, err)
}

// next answers records until io.EOF, which it only does when the number is right
// and the stream's end was authentic.
func (r *recordReader) next() (store.KV, error) {
	kv, err := r.read()
	if err != nil && err != io.EOF {
		err = r.clean(err)
	}
	return kv, err
}

func (r *recordReader) read() (store.KV, error) {
	kind, err := r.r.ReadByte()
	switch {
	case err == io.EOF:
		return store.KV{}, ErrDamaged
	case err != nil:
		return store.KV{}, err
	case kind == 'e':
		n, err := binary.ReadUvarint(r.r)
		if err != nil || int64(n) != r.summary.Records {
			return store.KV{}, ErrDamaged
		}
		switch _, err = r.r.ReadByte(); err {
		case io.EOF:
			return store.KV{}, io.EOF
		case nil:
			return store.KV{}, ErrDamaged
		}
		return store.KV{}, err
	case kind != 'r':
		return store.KV{}, ErrDamaged
	}
	key, err := r.bytes(store.MaxKey)
	if err != nil {
		return store.KV{}, err
	}
	rev, err := binary.ReadUvarint(r.r)
	if err != nil {
		return store.KV{}, err
	}
	value, err := r.bytes(store.MaxValue)
	if err != nil {
		return store.KV{}, err
	}
	if len(key) == 0 || int64(rev) < 0 {
		return store.KV{}, ErrDamaged
	}
	r.summary.Records++
	return store.KV{Key: string(key), Value: value, Rev: int64(rev)}, nil
}

func (r *recordReader) close() { r.z.Close() }
