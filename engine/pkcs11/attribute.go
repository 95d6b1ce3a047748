package pkcs11

import "encoding/binary"

// attribute is one CK_ATTRIBUTE with a value that this side owns.
type attribute struct {
	kind  uintptr
	value []byte
}

func number(kind uintptr, v uint64) attribute {
	return attribute{kind, binary.NativeEndian.AppendUint64(nil, v)}
}

func truth(kind uintptr, v bool) attribute {
	if v {
		return attribute{kind, []byte{1}}
	}
	return attribute{kind, []byte{0}}
}

// template answers the address and count of a CK_ATTRIBUTE array (type, address,
// length each), and the array itself, for reading lengths back.
func (f *frame) template(attributes []attribute) (at, count uintptr, words []uintptr) {
	words = make([]uintptr, 0, 3*len(attributes))
	for _, a := range attributes {
		words = append(words, a.kind, f.bytes(a.value), uintptr(len(a.value)))
	}
	return f.words(words), uintptr(len(attributes)), words
}

// mechanism answers the address of a CK_MECHANISM with parameters.
func (f *frame) mechanism(kind uintptr, params []uintptr) uintptr {
	return f.words([]uintptr{kind, f.words(params), uintptr(8 * len(params))})
}
