package backup

import (
	"bytes"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// The suite; its numbers of RFC 9180's registries stand in every header, so that
// later versions may add others.
func suite() (hpke.KEM, hpke.KDF, hpke.AEAD) {
	return hpke.MLKEM768X25519(), hpke.HKDFSHA256(), hpke.AES256GCM()
}

// Texts of keys begin so.
const (
	recipientText = "redoubt-backup-recipient-1:"
	identityText  = "REDOUBT-BACKUP-SECRET-1:"
)

// Recipient is whom backups are encrypted to: a public key, and a secret that both
// halves share and that goes into every backup's key derivation. Whoever only gets
// at stored backups cannot put one of his own in their place, as he could with the
// public key alone.
type Recipient struct {
	key   hpke.PublicKey
	proof [proofSize]byte
}

const proofSize = 32

// Identity is the half that opens backups, kept away from the server.
type Identity struct {
	key   hpke.PrivateKey
	proof [proofSize]byte
}

// Keygen makes a pair.
func Keygen() (*Identity, error) {
	kem, _, _ := suite()
	k, err := kem.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	id := &Identity{key: k}
	rand.Read(id.proof[:])
	return id, nil
}

// Recipient answers the half that the server gets.
func (i *Identity) Recipient() *Recipient { return &Recipient{i.key.PublicKey(), i.proof} }

// Secret is the identity as one line of text, for a file that only its owner
// reads. There is no String method, so that no log prints it by accident.
func (i *Identity) Secret() string {
	b, err := i.key.Bytes()
	if err != nil {
		panic("backup: a key of our own suite has no bytes: " + err.Error())
	}
	return identityText + encode(append(b, i.proof[:]...))
}

// String is the recipient as one line of text. Who has it can make backups, not
// read them.
func (r *Recipient) String() string {
	return recipientText + encode(append(bytes.Clone(r.key.Bytes()), r.proof[:]...))
}

// Fingerprint names the pair shortly.
func (r *Recipient) Fingerprint() string {
	sum := sha256.Sum256(r.key.Bytes())
	return hex.EncodeToString(sum[:8])
}

// encode adds a checksum, so that a truncated or mistyped key is told at once.
func encode(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(bytes.Clone(b), sum[:4]...))
}

func decode(text, prefix string) ([]byte, error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		rest, ok := strings.CutPrefix(line, prefix)
		if !ok {
			return nil, fmt.Errorf("backup: a key that does not begin with %s", prefix)
		}
		b, err := base64.RawURLEncoding.DecodeString(rest)
		if err != nil || len(b) < 4 {
			return nil, errors.New("backup: a key that is cut off or mistyped")
		}
		sum := sha256.Sum256(b[:len(b)-4])
		if !bytes.Equal(sum[:4], b[len(b)-4:]) {
			return nil, errors.New("backup: a key that is cut off or mistyped")
		}
		if b = b[:len(b)-4]; len(b) <= proofSize {
			return nil, errors.New("backup: a key that is cut off")
		}
		return b, nil
	}
	return nil, errors.New("backup: no key in the file")
}

// ParseRecipient reads what String wrote; lines that begin with # are comments.
func ParseRecipient(text string) (*Recipient, error) {
	b, err := decode(text, recipientText)
	if err != nil {
		if strings.Contains(text, identityText) {
			err = errors.New("backup: that is the secret key; the server gets the recipient")
		}
		return nil, err
	}
	kem, _, _ := suite()
	at := len(b) - proofSize
	k, err := kem.NewPublicKey(b[:at])
	if err != nil {
		return nil, fmt.Errorf("backup: bad recipient: %w", err)
	}
	return &Recipient{k, [proofSize]byte(b[at:])}, nil
}

// ParseIdentity reads what Secret answered; lines that begin with # are comments.
func ParseIdentity(text string) (*Identity, error) {
	b, err := decode(text, identityText)
	if err != nil {
		return nil, err
	}
	kem, _, _ := suite()
	at := len(b) - proofSize
	k, err := kem.NewPrivateKey(b[:at])
	if err != nil {
		return nil, errors.New("backup: bad secret key")
	}
	return &Identity{k, [proofSize]byte(b[at:])}, nil
}
