package objects

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"github.com/redoubt-sec/redoubt/store"
)

// The layout of an object that was uploaded in parts stands in rows of its own,
// each with up to rowParts parts in binary form, so that a range of an object of
// 10,000 parts reads one row and not a record of a megabyte. A part is:
//
//	size (8) ‖ CRC of the ciphertext (8) ‖ segment (16) ‖ inline (1) ‖ length (1) and bytes of its checksum
const rowParts = 256

func appendPart(b []byte, p *Part) ([]byte, error) {
	id, err := hex.DecodeString(p.Segment.ID)
	if err != nil || len(id) != 16 {
		return nil, ErrDamaged
	}
	sum, err := base64.StdEncoding.DecodeString(p.Checksum.Value)
	if err != nil {
		return nil, ErrDamaged
	}
	b = binary.BigEndian.AppendUint64(b, uint64(p.Segment.Size))
	b = binary.BigEndian.AppendUint64(b, p.Segment.CRC)
	b = append(b, id...)
	inline := byte(0)
	if p.Segment.Inline {
		inline = 1
	}
	b = append(b, inline, byte(len(sum)))
	return append(b, sum...), nil
}

func parsePart(b []byte, alg Algorithm) (p Part, rest []byte, err error) {
	if len(b) < 34 || len(b) < 34+int(b[33]) {
		return p, nil, ErrDamaged
	}
	size := int64(binary.BigEndian.Uint64(b))
	p.Segment = Segment{ID: hex.EncodeToString(b[16:32]), Size: size, CRC: binary.BigEndian.Uint64(b[8:]), Inline: b[32] == 1}
	p.Size = size
	n := 34 + int(b[33])
	if n > 34 {
		p.Checksum = Checksum{alg, FullObject, base64.StdEncoding.EncodeToString(b[34:n])}
	}
	return p, b[n:], nil
}

// writeLayout writes the rows of list and completes data.
func writeLayout(tx *store.Tx, data *Data, list []Part) error {
	var offset int64
	data.Starts = nil
	for row := range slices.Chunk(list, rowParts) {
		data.Starts = append(data.Starts, offset)
		var b []byte
		var err error
		for i := range row {
			if b, err = appendPart(b, &row[i]); err != nil {
				return err
			}
			offset += row[i].Size
		}
		if err := tx.Put(layoutRow(data.ID, len(data.Starts)-1), b); err != nil {
			return err
		}
	}
	return nil
}

// readRow reads the n-th row of a layout.
func readRow(tx *store.Tx, data *Data, n int, alg Algorithm) ([]Part, error) {
	b, err := tx.Get(layoutRow(data.ID, n))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: row %d of the layout is missing", ErrDamaged, n)
	}
	if err != nil {
		return nil, err
	}
	list := make([]Part, 0, rowParts)
	offset := data.Starts[n]
	for len(b) > 0 {
		var p Part
		if p, b, err = parsePart(b, alg); err != nil {
			return nil, err
		}
		p.Number, p.Offset = n*rowParts+len(list)+1, offset
		offset += p.Size
		list = append(list, p)
	}
	if n+1 < len(data.Starts) && (offset != data.Starts[n+1] || len(list) != rowParts) {
		return nil, ErrDamaged
	}
	return list, nil
}

// layoutReader walks the segments of a layout.
type layoutReader struct {
	tx   *store.Tx
	data *Data
	row  int
	list []Part // the rest of the row
}

// find goes to the segment in which offset lies, and answers where in it.
func (l *layoutReader) find(offset int64) (Segment, int64, error) {
	l.row = sort.Search(len(l.data.Starts), func(i int) bool { return l.data.Starts[i] > offset }) - 1
	list, err := readRow(l.tx, l.data, l.row, "")
	if err != nil {
		return Segment{}, 0, err
	}
	for i, p := range list {
		if offset < p.Offset+p.Size || i == len(list)-1 {
			l.list = list[i+1:]
			return p.Segment, offset - p.Offset, nil
		}
	}
	return Segment{}, 0, ErrDamaged
}

// next answers the following segment; io.EOF behind the last.
func (l *layoutReader) next() (Segment, error) {
	if len(l.list) == 0 {
		if l.row++; l.row >= len(l.data.Starts) {
			return Segment{}, io.EOF
		}
		var err error
		if l.list, err = readRow(l.tx, l.data, l.row, ""); err != nil {
			return Segment{}, err
		}
		if len(l.list) == 0 {
			return Segment{}, ErrDamaged
		}
	}
	p := l.list[0]
	l.list = l.list[1:]
	return p.Segment, nil
}

// Parts answers the parts of an object that was uploaded in parts, behind number
// after, at most most, in the transaction of ctx. They are counted from 1, without
// the gaps that the upload's numbers may have had. An object that was put whole
// has none.
func (s *Store) Parts(ctx context.Context, v *Version, after, most int) (list []Part, more bool, err error) {
	tx := store.From(ctx)
	after = max(after, 0)
	for n := after / rowParts; n < len(v.Data.Starts); n++ {
		row, err := readRow(tx, &v.Data, n, v.Checksum.Algorithm)
		if err != nil {
			return nil, false, err
		}
		for _, p := range row {
			if p.Number <= after {
				continue
			}
			if len(list) >= most {
				return list, true, nil
			}
			list = append(list, p)
		}
	}
	return list, false, nil
}

// PartAt answers the n-th part of an object, counted from 1, in the transaction
// of ctx. An object that was put whole has one. Beyond the last: ErrRange.
func (s *Store) PartAt(ctx context.Context, v *Version, n int) (*Part, error) {
	if len(v.Data.Starts) == 0 && n == 1 {
		return &Part{Number: 1, Size: v.Size, Checksum: v.Checksum, Segment: v.Data.Segment}, nil
	}
	if n < 1 || n > v.Parts {
		return nil, ErrRange
	}
	list, _, err := s.Parts(ctx, v, n-1, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, ErrDamaged
	}
	return &list[0], nil
}
