package logs

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

const (
	purpose = "logs.events"
	label   = "logs.block"

	freshTable = "logs.fresh/"
	blockTable = "logs.block/"

	plain      = 0 // codecs
	compressed = 1
)

// spot is a group as keys have it.
type spot struct {
	Place
	group string // id
}

func (s spot) prefix() string { return s.Account + "/" + s.Region + "/" + s.group + "/" }

// A batchID is the last part of a batch's or block's key: times in hexadecimal, a
// random part, and of a fresh batch the id of its one stream.
type batchID struct {
	newest, oldest int64 // milliseconds
	random, stream string
}

func (id batchID) String() string {
	s := hexTime(id.newest) + "." + hexTime(id.oldest) + "." + id.random
	if id.stream != "" {
		s += "." + id.stream
	}
	return s
}

func parseBatchID(s string) (id batchID, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) < 3 || len(parts) > 4 {
		return id, false
	}
	a, err1 := strconv.ParseUint(parts[0], 16, 63)
	b, err2 := strconv.ParseUint(parts[1], 16, 63)
	id = batchID{newest: int64(a), oldest: int64(b), random: parts[2]}
	if len(parts) == 4 {
		id.stream = parts[3]
	}
	return id, err1 == nil && err2 == nil
}

// hexTime keeps the order of times that are not negative.
func hexTime(n int64) string {
	s := strconv.FormatInt(max(n, 0), 16)
	return strings.Repeat("0", 16-len(s)) + s
}

// Position is a place among the events of a group, in their order.
type Position struct {
	Time, Ingested int64
	Batch          uint64 // of the Put
	Index          uint16 // in it
}

// Compare orders positions.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Time, q.Time), cmp.Compare(p.Ingested, q.Ingested), cmp.Compare(p.Batch, q.Batch), cmp.Compare(p.Index, q.Index))
}

// EventID is the position as events show it: 56 decimal digits.
func (p Position) EventID() string {
	var b [22]byte
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], uint64(p.Time))
	copy(b[0:6], t[2:])
	binary.BigEndian.PutUint64(t[:], uint64(p.Ingested))
	copy(b[6:12], t[2:])
	binary.BigEndian.PutUint64(b[12:20], p.Batch)
	binary.BigEndian.PutUint16(b[20:22], p.Index)
	s := new(big.Int).SetBytes(b[:]).String()
	return strings.Repeat("0", 56-len(s)) + s
}

// ParseEventID undoes EventID.
func ParseEventID(s string) (p Position, ok bool) {
	if len(s) != 56 || strings.Trim(s, "0123456789") != "" {
		return p, false
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || n.BitLen() > 22*8 {
		return p, false
	}
	var b [22]byte
	n.FillBytes(b[:])
	var t [8]byte
	copy(t[2:], b[0:6])
	p.Time = int64(binary.BigEndian.Uint64(t[:]))
	copy(t[2:], b[6:12])
	p.Ingested = int64(binary.BigEndian.Uint64(t[:]))
	p.Batch, p.Index = binary.BigEndian.Uint64(b[12:20]), binary.BigEndian.Uint16(b[20:22])
	return p, true
}

// frame is one event of a batch.
type frame struct {
	Position
	stream  ref
	message []byte
}

// ref is a stream as its events have it: the id and behind it the name.
type ref string

const idLength = 16

func refOf(s *Stream) ref { return ref(s.ID + s.Name) }

func (r ref) id() string   { return string(r[:idLength]) }
func (r ref) name() string { return string(r[idLength:]) }

// appendFrames writes frames: the streams first, then each event.
func appendFrames(b []byte, fs []frame) []byte {
	var refs []ref
	index := map[ref]uint64{}
	for _, f := range fs {
		if _, ok := index[f.stream]; !ok {
			index[f.stream] = uint64(len(refs))
			refs = append(refs, f.stream)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(refs)))
	for _, r := range refs {
		b = binary.AppendUvarint(b, uint64(len(r)))
		b = append(b, r...)
	}
	for _, f := range fs {
		b = binary.BigEndian.AppendUint64(b, uint64(f.Time))
		b = binary.BigEndian.AppendUint64(b, uint64(f.Ingested))
		b = binary.BigEndian.AppendUint64(b, f.Batch)
		b = binary.BigEndian.AppendUint16(b, f.Index)
		b = binary.AppendUvarint(b, index[f.stream])
		b = binary.AppendUvarint(b, uint64(len(f.message)))
		b = append(b, f.message...)
	}
	return b
}

func splitFrames(b []byte) ([]frame, error) {
	next := func() (int, bool) {
		n, used := binary.Uvarint(b)
		if used <= 0 || n > 1<<30 {
			return 0, false
		}
		b = b[used:]
		return int(n), true
	}
	count, ok := next()
	if !ok || count > len(b) {
		return nil, errDamaged
	}
	refs := make([]ref, count)
	for i := range refs {
		n, ok := next()
		if !ok || n > len(b) || n < idLength {
			return nil, errDamaged
		}
		refs[i], b = ref(b[:n]), b[n:]
	}
	var fs []frame
	for len(b) > 0 {
		if len(b) < 26 {
			return nil, errDamaged
		}
		f := frame{Position: Position{
			Time: int64(binary.BigEndian.Uint64(b)), Ingested: int64(binary.BigEndian.Uint64(b[8:])),
			Batch: binary.BigEndian.Uint64(b[16:]), Index: binary.BigEndian.Uint16(b[24:]),
		}}
		b = b[26:]
		s, ok1 := next()
		n, ok2 := next()
		if !ok1 || !ok2 || s >= len(refs) || n > len(b) {
			return nil, errDamaged
		}
		f.stream, f.message = refs[s], b[:n:n]
		b = b[n:]
		fs = append(fs, f)
	}
	return fs, nil
}

func sortFrames(fs []frame) {
	slices.SortFunc(fs, func(a, b frame) int { return a.Compare(b.Position) })
}

// codec compresses and encrypts. It is safe for concurrent use.
type codec struct {
	seal Sealer
	enc  *zstd.Encoder
	dec  *zstd.Decoder
}

func newCodec(s Sealer) (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &codec{s, enc, dec}, nil
}

func (c *codec) pack(fs []frame) []byte {
	raw := appendFrames(nil, fs)
	if len(raw) < 512 {
		return append([]byte{plain}, raw...)
	}
	return c.enc.EncodeAll(raw, []byte{compressed})
}

func (c *codec) unpack(b []byte) ([]frame, error) {
	if len(b) == 0 {
		return nil, errDamaged
	}
	raw := b[1:]
	if b[0] == compressed {
		var err error
		if raw, err = c.dec.DecodeAll(raw, nil); err != nil {
			return nil, fmt.Errorf("logs: %w", err)
		}
	}
	return splitFrames(raw)
}

// block is a block's index record: sealed as a whole, since it holds the key.
type block struct {
	Blob    string
	Size    int64 // of the blob
	Bytes   int64 // of messages
	Count   int
	Key     []byte
	Streams []string // ids, sorted
}

func (c *codec) sealBlock(key string, b *block) ([]byte, error) {
	text, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return c.seal.Seal(purpose, []byte(key), text)
}

func (c *codec) openBlock(key string, value []byte) (*block, error) {
	text, err := c.seal.Open(purpose, []byte(key), value)
	if err != nil {
		return nil, fmt.Errorf("logs: %s: %w", key, err)
	}
	defer clear(text)
	b := new(block)
	if err := json.Unmarshal(text, b); err != nil {
		return nil, errDamaged
	}
	return b, nil
}

// encrypt makes a blob's bytes of frames, and the index record that opens them.
func (c *codec) encrypt(name string, fs []frame) ([]byte, *block) {
	b := &block{Blob: name, Count: len(fs), Key: make([]byte, 32)}
	rand.Read(b.Key)
	seen := map[ref]bool{}
	for _, f := range fs {
		b.Bytes += int64(len(f.message)) + overhead
		if !seen[f.stream] {
			seen[f.stream] = true
			b.Streams = append(b.Streams, f.stream.id())
		}
	}
	slices.Sort(b.Streams)
	data := message.Append(nil, b.Key, label, []byte(name), c.pack(fs))
	b.Size = int64(len(data))
	return data, b
}

func (c *codec) decrypt(b *block, data []byte) ([]frame, error) {
	packed, err := message.Open(b.Key, label, []byte(b.Blob), data)
	if err != nil {
		return nil, fmt.Errorf("logs: block %s: %w", b.Blob, err)
	}
	return c.unpack(packed)
}
