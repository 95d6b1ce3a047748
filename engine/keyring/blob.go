package keyring

import (
	"encoding/binary"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

// A sealed blob is: version (1) ‖ generation of the root key (4) ‖ message. The
// message key's label names this package, its additional data bind the header,
// the purpose and the owner's additional data, each with its length.
const (
	blobVersion = 1
	headerSize  = 1 + 4
	label       = "redoubt seal"
)

// Overhead is how many bytes a sealed blob is longer than its plaintext.
const Overhead = headerSize + message.Overhead

// Seal encrypts plaintext for a purpose ("kms.material", "iam.accesskey": a
// constant of its owner), bound to aad, which should name the record it stands
// in. The caller wipes plaintext if it must not stay in memory.
func (k *Keyring) Seal(purpose string, aad, plaintext []byte) ([]byte, error) {
	r := k.roots.Load()
	if r == nil {
		return nil, ErrSealed
	}
	blob := make([]byte, headerSize, Overhead+len(plaintext))
	blob[0] = blobVersion
	binary.BigEndian.PutUint32(blob[1:], r.current)
	bound := additional(blob[:headerSize], purpose, aad)
	ok := r.keys[r.current].Use(func(root []byte) {
		var key [32]byte
		harden.Do(func() { message.Derive(key[:], root, label, []byte(purpose)) })
		blob = message.Append(blob, key[:], label, bound, plaintext)
		harden.Wipe(key[:])
	})
	if !ok {
		return nil, ErrSealed
	}
	return blob, nil
}

// Open decrypts what Seal answered for the same purpose and aad, or answers
// ErrDamaged, or ErrSealed. The caller wipes the plaintext (harden.Wipe) as
// soon as it is done with it.
func (k *Keyring) Open(purpose string, aad, blob []byte) ([]byte, error) {
	r := k.roots.Load()
	if r == nil {
		return nil, ErrSealed
	}
	gen, ok := Generation(blob)
	if !ok || r.keys[gen] == nil {
		return nil, ErrDamaged
	}
	bound := additional(blob[:headerSize], purpose, aad)
	var out []byte
	var err error
	ok = r.keys[gen].Use(func(root []byte) {
		var key [32]byte
		harden.Do(func() { message.Derive(key[:], root, label, []byte(purpose)) })
		out, err = message.Open(key[:], label, bound, blob[headerSize:])
		harden.Wipe(key[:])
	})
	if !ok {
		return nil, ErrSealed
	}
	if err != nil {
		return nil, ErrDamaged
	}
	return out, nil
}

// Generation answers which root key a blob is under, without opening it. ok is
// false if this is no blob of a known version.
func Generation(blob []byte) (gen uint32, ok bool) {
	if len(blob) < Overhead || blob[0] != blobVersion {
		return 0, false
	}
	return binary.BigEndian.Uint32(blob[1:]), true
}

func additional(header []byte, purpose string, aad []byte) []byte {
	b := make([]byte, 0, len(header)+16+len(purpose)+len(aad))
	b = append(b, header...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(purpose)))
	b = append(b, purpose...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(aad)))
	return append(b, aad...)
}
