package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strings"
	"sync"
)

// Credential is an access key as Verify needs it.
type Credential struct {
	AccessKeyID string
	// Revision stands for the secret: another secret has another revision, which
	// never comes back for the same access key. Derived keys are cached by it.
	Revision uint64
	// Secret answers the secret access key. It is called only when no derived key
	// is cached, so that secrets can stay sealed.
	Secret func() (string, error)
}

// Key is a signing key: derived from a secret for one day, region and service.
type Key struct {
	raw  [32]byte
	macs sync.Pool // keyed hash.Hash
}

// Derive makes the signing key of a secret.
func Derive(secret, date, region, service string) *Key {
	k := hmacSum(append([]byte("AWS4"), secret...), date)
	k = hmacSum(k[:], region)
	k = hmacSum(k[:], service)
	k = hmacSum(k[:], terminator)
	return &Key{raw: k}
}

func hmacSum(key []byte, msg string) (sum [32]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(msg))
	h.Sum(sum[:0])
	return sum
}

// sum computes the MAC of msg into dst.
func (k *Key) sum(dst *[32]byte, msg []byte) {
	h, ok := k.macs.Get().(hash.Hash)
	if ok {
		h.Reset()
	} else {
		h = hmac.New(sha256.New, k.raw[:])
	}
	h.Write(msg)
	h.Sum(dst[:0])
	k.macs.Put(h)
}

// Keys verifies signatures and remembers signing keys. The zero value is ready.
type Keys struct {
	// Max bounds the keys remembered; 0 means 8,192.
	Max int

	mu      sync.RWMutex
	known   map[keyID]*Key
	buffers sync.Pool // *[]byte
}

type keyID struct {
	accessKeyID, date, region, service string
	revision                           uint64
}

func (k *Keys) get(id keyID) *Key {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.known[id]
}

// put remembers a key that has just verified something: whoever cannot sign
// cannot fill the cache.
func (k *Keys) put(id keyID, key *Key) {
	// The strings are parts of a request's header, which must not be kept alive.
	id.accessKeyID = strings.Clone(id.accessKeyID)
	id.date = strings.Clone(id.date)
	id.region = strings.Clone(id.region)
	id.service = strings.Clone(id.service)
	most := k.Max
	if most <= 0 {
		most = 8192
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[keyID]*Key{}
	}
	for old := range k.known {
		if len(k.known) < most {
			break
		}
		delete(k.known, old) // any: a key costs microseconds to derive again
	}
	k.known[id] = key
}

// Forget drops every key, after credentials were restored from a backup or reset
// so that revisions may repeat.
func (k *Keys) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = nil
}
