package material

import (
	"encoding/binary"
	"slices"
)

// ContextAAD answers the canonical bytes of an encryption context, to be used
// as additional data: the pairs in order of their keys, every string with its
// length before it. Two contexts that differ in anything, and only those, have
// different bytes; no context and an empty one are the same, as in KMS.
func ContextAAD(context map[string]string) []byte {
	if len(context) == 0 {
		return nil
	}
	n := 4
	for k, v := range context {
		n += 8 + len(k) + len(v)
	}
	b := make([]byte, 0, n)
	b = binary.BigEndian.AppendUint32(b, uint32(len(context)))
	var room [8]string
	names := room[:0]
	for k := range context {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		for _, s := range [2]string{k, context[k]} {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
			b = append(b, s...)
		}
	}
	return b
}
