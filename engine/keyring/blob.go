package keyring

import (
	"encoding/binary"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
)

// A sealed blob is: "RDBT" ‖ version (1) ‖ generation of the root key (4) ‖
// message. The message key's label names this package and the purpose, the
// additional data bind the header, the purpose and what the owner adds, each with
// its length.
//
// The header is recognisable, and its 9 bytes make 12 whole characters of
// base64, so that a search of the store can prove that nothing is left under a
// root key before that is destroyed (destroy.go).
const (
	magic       = "RDBT"
	blobVersion = 1
	headerSize  = len(magic) + 1 + 4
	label       = "redoubt seal "
)

func header(gen uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte(magic), blobVersion), gen)
}

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
	blob := append(make([]byte, 0, Overhead+len(plaintext)), header(r.current)...)
	bound := additional(blob[:headerSize], purpose, aad)
	ok := r.keys[r.current].Use(func(root []byte) {
		blob = message.Append(blob, root, label+purpose, bound, plaintext)
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
	if out, ok := k.recent.get(bound, blob); ok {
		return out, nil
	}
	var out []byte
	var err error
	ok = r.keys[gen].Use(func(root []byte) {
		out, err = message.Open(root, label+purpose, bound, blob[headerSize:])
	})
	if !ok && k.roots.Load() == nil {
		return nil, ErrSealed
	}
	if !ok || err != nil { // !ok: this root key was destroyed a moment ago
		return nil, ErrDamaged
	}
	k.recent.put(bound, blob, out)
	return out, nil
}

// Renew seals a blob anew if it is under a root key that is being replaced;
// changed says whether it was. Owners use it when they are asked to re-seal.
func (k *Keyring) Renew(purpose string, aad, blob []byte) (renewed []byte, changed bool, err error) {
	r := k.roots.Load()
	if r == nil {
		return nil, false, ErrSealed
	}
	if gen, ok := Generation(blob); ok && gen == r.current {
		return blob, false, nil
	}
	plaintext, err := k.Open(purpose, aad, blob)
	if err != nil {
		return nil, false, err
	}
	defer harden.Wipe(plaintext)
	renewed, err = k.Seal(purpose, aad, plaintext)
	return renewed, err == nil, err
}

// Generation answers which root key a blob is under, without opening it. ok is
// false if this is no blob of a known version.
func Generation(blob []byte) (gen uint32, ok bool) {
	if len(blob) < Overhead || string(blob[:len(magic)]) != magic || blob[len(magic)] != blobVersion {
		return 0, false
	}
	return binary.BigEndian.Uint32(blob[len(magic)+1:]), true
}

func additional(header []byte, purpose string, aad []byte) []byte {
	b := make([]byte, 0, len(header)+16+len(purpose)+len(aad))
	b = append(b, header...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(purpose)))
	b = append(b, purpose...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(aad)))
	return append(b, aad...)
}
