package objects

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/store"
)

// Kind is how an object's data key is wrapped, by S3's name for it.
type Kind string

// The kinds of encryption. Every object has one.
const (
	SSES3   Kind = "AES256"       // under the bucket's own key, which the keyring seals
	SSEKMS  Kind = "aws:kms"      // under a KMS data key
	DSSEKMS Kind = "aws:kms:dsse" // in two layers, each under a KMS data key
	SSEC    Kind = "SSE-C"        // under the customer's key, which is not kept
)

// Secrets is how many secrets of 32 bytes the kind takes to write or read.
func (k Kind) Secrets() int {
	switch k {
	case SSEKMS, SSEC:
		return 1
	case DSSEKMS:
		return 2
	}
	return 0
}

// Encryption says how an object is encrypted, and what its owner needs to get
// at the secrets again.
//
// The engine makes a random data key per object and layer and wraps it under the
// secrets: of KMS, plaintexts of GenerateDataKey. The same secret may serve many
// objects (Bucket Keys).
type Encryption struct {
	Kind      Kind
	KeyARN    string            `json:",omitempty"` // KMS key
	Sealed    [][]byte          `json:",omitempty"` // KMS ciphertexts that the secrets are the plaintexts of, in order
	Context   map[string]string `json:",omitempty"` // encryption context that opens them
	BucketKey bool              `json:",omitempty"`
	// Customer is a salted HMAC of the customer's key; the engine fills it.
	Customer []byte `json:",omitempty"`
}

const (
	secretSize    = 32
	saltSize      = 16
	dataKeyLabel  = "redoubt objects data key"
	segmentLabel  = "redoubt objects segment"
	customerLabel = "redoubt objects customer key"
)

// Fits reports whether secret is the customer's key of SSE-C data.
func (e *Encryption) Fits(secret []byte) bool {
	if e.Kind != SSEC || len(e.Customer) != saltSize+sha256.Size || len(secret) != secretSize {
		return false
	}
	sum := message.MAC(secret, customerLabel, e.Customer[:saltSize])
	return hmac.Equal(sum[:], e.Customer[saltSize:])
}

func customerCheck(secret []byte) []byte {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	sum := message.MAC(secret, customerLabel, salt)
	return append(salt, sum[:]...)
}

// binding is what a data key is wrapped for: the object that it belongs to, and
// the layer. A wrapped key that is moved to another object does not open.
func binding(bucket, key, data string, layer int) []byte {
	b := make([]byte, 0, 32+len(bucket)+len(key)+len(data))
	for _, part := range []string{bucket, key, data} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return append(b, byte(layer))
}

// layers is how many times the kind encrypts.
func (k Kind) layers() int { return max(k.Secrets(), 1) }

func (k Kind) known() bool { return k == SSES3 || k.Secrets() > 0 }

// withSecrets lends f the secrets that wrap data keys: the caller's, or the
// bucket's own.
func (s *Store) withSecrets(tx *store.Tx, bucket string, e *Encryption, secrets [][]byte, f func(secrets [][]byte) error) error {
	if !e.Kind.known() || len(secrets) != e.Kind.Secrets() {
		return ErrKey
	}
	for _, b := range secrets {
		if len(b) != secretSize {
			return ErrKey
		}
	}
	if e.Kind == SSES3 {
		return s.withBucketKey(tx, bucket, func(key []byte) error { return f([][]byte{key}) })
	}
	return f(secrets)
}

// dataKeys are the keys of one object's data, a layer each. They are wiped when
// whoever holds them is done.
type dataKeys [][]byte

func (k dataKeys) wipe() {
	for _, b := range k {
		harden.Wipe(b)
	}
}

// newDataKeys makes data keys and wraps them into data. It completes e.
func (s *Store) newDataKeys(tx *store.Tx, bucket, key string, e *Encryption, secrets [][]byte, data *Data) (keys dataKeys, err error) {
	err = s.withSecrets(tx, bucket, e, secrets, func(secrets [][]byte) error {
		data.Keys = nil
		for i, secret := range secrets {
			k := make([]byte, secretSize)
			rand.Read(k)
			keys = append(keys, k)
			data.Keys = append(data.Keys, message.Append(nil, secret, dataKeyLabel, binding(bucket, key, data.ID, i), k))
		}
		if e.Kind == SSEC {
			e.Customer = customerCheck(secrets[0])
		}
		return nil
	})
	return keys, err
}

// openDataKeys unwraps the data keys.
func (s *Store) openDataKeys(tx *store.Tx, bucket, key string, e *Encryption, secrets [][]byte, data *Data) (keys dataKeys, err error) {
	if e.Kind == SSEC && (len(secrets) != 1 || !e.Fits(secrets[0])) {
		return nil, ErrKey
	}
	err = s.withSecrets(tx, bucket, e, secrets, func(secrets [][]byte) error {
		if len(data.Keys) != e.Kind.layers() {
			return ErrDamaged
		}
		for i, secret := range secrets {
			k, err := message.Open(secret, dataKeyLabel, binding(bucket, key, data.ID, i), data.Keys[i])
			if err != nil {
				if e.Kind == SSES3 || e.Kind == SSEC {
					return ErrDamaged // the secret was proven to be the right one
				}
				return ErrKey
			}
			keys = append(keys, k)
		}
		return nil
	})
	if err != nil {
		keys.wipe()
		return nil, err
	}
	return keys, nil
}
