package trail

import (
	"encoding/binary"
	"slices"
)

// A Bloom filter over the terms of a block: 12 bits a term and 7 probes, so that
// some 3 of 1,000 blocks are opened in vain.
const (
	bitsPerTerm = 12
	probes      = 7
)

// buildFilter makes the filter of the terms, which it sorts.
func buildFilter(terms []uint64) []byte {
	slices.Sort(terms)
	n := len(slices.Compact(terms))
	f := make([]byte, (n*bitsPerTerm+63)/64*8)
	for _, t := range terms[:n] {
		each(len(f), t, func(at int, bit byte) bool { f[at] |= bit; return true })
	}
	return f
}

// mayHold reports whether the filter's block may hold the term.
func mayHold(f []byte, t uint64) bool {
	held := len(f) > 0
	each(len(f), t, func(at int, bit byte) bool { held = held && f[at]&bit != 0; return held })
	return held
}

// each visits the bits of a term by double hashing.
func each(size int, t uint64, visit func(at int, bit byte) bool) {
	if size == 0 {
		return
	}
	bits := uint64(size) * 8
	step := t>>32 | 1
	for i := range uint64(probes) {
		p := (t + i*step) % bits
		if !visit(int(p/8), 1<<(p%8)) {
			return
		}
	}
}

// An index record is the filter after the count and the raw size of its block.
func encodeIndex(count, size int, filter []byte) []byte {
	b := binary.AppendUvarint(nil, uint64(count))
	b = binary.AppendUvarint(b, uint64(size))
	return append(b, filter...)
}

func decodeIndex(b []byte) (filter []byte, ok bool) {
	for range 2 {
		_, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, false
		}
		b = b[n:]
	}
	return b, true
}
