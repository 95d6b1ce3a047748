package material

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// A ciphertext blob is a header in the clear and a body. The header says whose
// key made it, so that Decrypt needs no key id; everything in it is an
// identifier that ListKeys shows, nothing secret:
//
//	version (1) ‖ kind (1) ‖ account (6, big endian) ‖ key id (16) ‖ material id (32)
//
// There is no region in it: a multi-Region key's blob opens in every region
// that has the key.
const (
	blobVersion = 1
	HeaderSize  = 1 + 1 + 6 + 16 + 32
	// MaxBlob is KMS's own limit (CiphertextBlob, 6,144 bytes).
	MaxBlob = 6144

	multiRegion = 0x80 // set in the kind's byte: the key id reads mrk-…
)

// Kind says where the body was made.
type Kind uint8

// The kinds of body.
const (
	Local    Kind = 1 // by Encrypt of this package
	Token    Kind = 2 // by a key that lives in a PKCS#11 token
	External Kind = 3 // by an external key store, around a Local body
)

// Header names the key and the material that a blob was made with.
type Header struct {
	Kind       Kind
	Account    string // 12 digits
	KeyID      string // UUID, or mrk- and 32 hex digits; lower case
	MaterialID string // 64 hex digits, lower case
}

// Append appends the header's encoding to dst. ErrMaterial if an identifier is
// not of the form that Header documents.
func (h Header) Append(dst []byte) ([]byte, error) {
	account, err := strconv.ParseUint(h.Account, 10, 48)
	if err != nil || len(h.Account) != 12 {
		return nil, ErrMaterial
	}
	key, multi, ok := packKeyID(h.KeyID)
	if !ok || h.Kind < Local || h.Kind > External || len(h.MaterialID) != 64 {
		return nil, ErrMaterial
	}
	kind := byte(h.Kind)
	if multi {
		kind |= multiRegion
	}
	dst = append(dst, blobVersion, kind)
	dst = binary.BigEndian.AppendUint64(dst, account<<16)[:len(dst)+6]
	dst = append(dst, key[:]...)
	dst, err = hex.AppendDecode(dst, []byte(h.MaterialID))
	if err != nil || strings.ToLower(h.MaterialID) != h.MaterialID {
		return nil, ErrMaterial
	}
	return dst, nil
}

// ParseBlob takes a ciphertext blob apart. It proves nothing: whoever uses the
// header to find a key must decrypt with it. ErrCiphertext if this is no blob
// that Header.Append began.
func ParseBlob(blob []byte) (h Header, body []byte, err error) {
	if len(blob) <= HeaderSize || len(blob) > MaxBlob || blob[0] != blobVersion {
		return Header{}, nil, ErrCiphertext
	}
	h.Kind = Kind(blob[1] &^ multiRegion)
	account := binary.BigEndian.Uint64(blob[2:10]) >> 16
	if h.Kind < Local || h.Kind > External || account > 999_999_999_999 {
		return Header{}, nil, ErrCiphertext
	}
	h.Account = strconv.FormatUint(account+1_000_000_000_000, 10)[1:]
	h.KeyID = unpackKeyID([16]byte(blob[8:24]), blob[1]&multiRegion != 0)
	h.MaterialID = hex.EncodeToString(blob[24:HeaderSize])
	return h, blob[HeaderSize:], nil
}

func packKeyID(id string) (key [16]byte, multi, ok bool) {
	digits, multi := strings.CutPrefix(id, "mrk-")
	if !multi {
		if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
			return key, false, false
		}
		digits = id[:8] + id[9:13] + id[14:18] + id[19:23] + id[24:]
	}
	if len(digits) != 32 || strings.ToLower(digits) != digits {
		return key, false, false
	}
	_, err := hex.Decode(key[:], []byte(digits))
	return key, multi, err == nil
}

func unpackKeyID(key [16]byte, multi bool) string {
	digits := hex.EncodeToString(key[:])
	if multi {
		return "mrk-" + digits
	}
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}
