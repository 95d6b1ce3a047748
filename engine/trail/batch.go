package trail

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Sealer encrypts what lies in the store; *keyring.Keyring is one.
type Sealer interface {
	Seal(purpose string, aad, plaintext []byte) ([]byte, error)
	Open(purpose string, aad, blob []byte) ([]byte, error)
	Renew(purpose string, aad, blob []byte) (renewed []byte, changed bool, err error)
}

const purpose = "trail.events"

// Sizes in bytes of JSON.
const (
	// blockSize is a full block. Even incompressible it fits a value of the store.
	blockSize = 896 << 10
	// enough makes a flushed batch a block at once.
	enough = 256 << 10
	// maxSpan bounds how far apart in nanoseconds the events of one batch lie, so
	// that a search knows how far beyond its end it must look.
	maxSpan = int64(5 * time.Minute)
)

// A batch is events in order of time. In the store it is
//
//	fresh or block: seal(codec ‖ frames), bound to its key
//	frame: nanoseconds (8) ‖ length (4) ‖ JSON
//
// under the key prefix/account/region/newest.oldest.random.kind: times as 16
// hexadecimal digits, kind "d" as events came in, "f" folded from others.
const (
	freshTable = "trail.fresh/"
	blockTable = "trail.block/"
	indexTable = "trail.index/"

	frameHead = 8 + 4

	plain      = 0 // codecs
	compressed = 1
)

var errDamaged = errors.New("trail: damaged batch")

// frame is one event of a batch.
type frame struct {
	nanos int64
	json  []byte
}

func appendFrameHead(b []byte, nanos int64, length int) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(nanos))
	return binary.BigEndian.AppendUint32(b, uint32(length))
}

func splitFrames(b []byte) ([]frame, error) {
	var fs []frame
	for len(b) > 0 {
		if len(b) < frameHead {
			return nil, errDamaged
		}
		nanos, n := int64(binary.BigEndian.Uint64(b)), int(binary.BigEndian.Uint32(b[8:]))
		b = b[frameHead:]
		if n > len(b) {
			return nil, errDamaged
		}
		fs = append(fs, frame{nanos, b[:n:n]})
		b = b[n:]
	}
	return fs, nil
}

func joinFrames(fs []frame) []byte {
	size := 0
	for _, f := range fs {
		size += frameHead + len(f.json)
	}
	b := make([]byte, 0, size)
	for _, f := range fs {
		b = append(appendFrameHead(b, f.nanos, len(f.json)), f.json...)
	}
	return b
}

// compareFrames orders by time. Events of one nanosecond have an order too, so
// that a page can end between them.
func compareFrames(a, b frame) int {
	if c := cmp.Compare(a.nanos, b.nanos); c != 0 {
		return c
	}
	return cmp.Compare(a.sum(), b.sum())
}

func (f frame) sum() uint64 { return term(None, string(f.json)) }

// codec compresses and seals batches. It is safe for concurrent use.
type codec struct {
	seal Sealer
	enc  *zstd.Encoder
	dec  *zstd.Decoder
}

func newCodec(s Sealer) (*codec, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &codec{s, enc, dec}, nil
}

func (c *codec) encode(key string, frames []byte) ([]byte, error) {
	b := make([]byte, 1, 1+len(frames)/4)
	if len(frames) < 4<<10 {
		b = append(b, frames...)
	} else {
		b[0] = compressed
		b = c.enc.EncodeAll(frames, b)
	}
	return c.seal.Seal(purpose, []byte(key), b)
}

func (c *codec) decode(key string, value []byte) ([]frame, error) {
	b, err := c.seal.Open(purpose, []byte(key), value)
	if err != nil {
		return nil, fmt.Errorf("trail: %s: %w", key, err)
	}
	if len(b) == 0 {
		return nil, errDamaged
	}
	frames := b[1:]
	if b[0] == compressed {
		if frames, err = c.dec.DecodeAll(frames, nil); err != nil {
			return nil, fmt.Errorf("trail: %s: %w", key, err)
		}
	}
	return splitFrames(frames)
}

// tenant is whose log.
type tenant struct{ account, region string }

// prefix is the tenant's part of keys, after the table's.
func (t tenant) prefix() string {
	if t.account == "" {
		return "-/" + t.region + "/" // nobody's account
	}
	return t.account + "/" + t.region + "/"
}

// batchID is the last part of a batch's key.
type batchID struct {
	newest, oldest int64
	random         string
	kind           byte
}

const (
	direct = 'd'
	folded = 'f'
)

func (id batchID) String() string {
	return hexTime(id.newest) + "." + hexTime(id.oldest) + "." + id.random + "." + string([]byte{id.kind})
}

func hexTime(n int64) string {
	var b [16]byte
	u := uint64(n)
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = hexDigits[u&15]
		u >>= 4
	}
	return string(b[:])
}

func parseBatchID(s string) (id batchID, ok bool) {
	if len(s) < 38 || s[16] != '.' || s[33] != '.' || s[len(s)-2] != '.' {
		return id, false
	}
	a, err1 := strconv.ParseUint(s[:16], 16, 64)
	b, err2 := strconv.ParseUint(s[17:33], 16, 64)
	id = batchID{int64(a), int64(b), s[34 : len(s)-2], s[len(s)-1]}
	return id, err1 == nil && err2 == nil && (id.kind == direct || id.kind == folded)
}

func idOf(fs []frame, kind byte) batchID {
	return batchID{newest: fs[len(fs)-1].nanos, oldest: fs[0].nanos, random: randomHex(6), kind: kind}
}

// cut splits sorted frames into pieces of at most a block's size and span.
func cut(fs []frame) [][]frame {
	var out [][]frame
	start, size := 0, 0
	for i, f := range fs {
		n := frameHead + len(f.json)
		if i > start && (size+n > blockSize || f.nanos-fs[start].nanos > maxSpan) {
			out = append(out, fs[start:i])
			start, size = i, 0
		}
		size += n
	}
	if start < len(fs) {
		out = append(out, fs[start:])
	}
	return out
}

func sizeOf(fs []frame) int {
	n := 0
	for _, f := range fs {
		n += frameHead + len(f.json)
	}
	return n
}

func sortFrames(fs []frame) {
	if !slices.IsSortedFunc(fs, compareFrames) {
		slices.SortFunc(fs, compareFrames)
	}
}
