package saml

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash"
	"strings"

	"github.com/beevik/etree"
)

const (
	nsEncryption   = "http://www.w3.org/2001/04/xmlenc#"
	nsEncryption11 = "http://www.w3.org/2009/xmlenc11#"
	nsSignature    = "http://www.w3.org/2000/09/xmldsig#"
)

// decrypt opens an EncryptedAssertion with whichever key fits. Every failure is
// the same error: the form of a failure must not help to guess at padding.
// RSA PKCS #1 v1.5 key transport is not spoken.
func decrypt(e *etree.Element, keys [][]byte) (*etree.Element, error) {
	failed := fmt.Errorf("%w: assertion cannot be decrypted", ErrSignature)
	data := child(e, nsEncryption, "EncryptedData")
	transport := child(child(data, nsSignature, "KeyInfo"), nsEncryption, "EncryptedKey")
	if transport == nil {
		transport = child(e, nsEncryption, "EncryptedKey")
	}
	if data == nil || transport == nil {
		return nil, failed
	}
	wrapped, err := cipherValue(transport)
	if err != nil {
		return nil, failed
	}
	sealed, err := cipherValue(data)
	if err != nil {
		return nil, failed
	}
	oaep, mgf, ok := transportOf(child(transport, nsEncryption, "EncryptionMethod"))
	if !ok {
		return nil, failed
	}
	method := child(data, nsEncryption, "EncryptionMethod")
	if method == nil {
		return nil, failed
	}
	algorithm := method.SelectAttrValue("Algorithm", "")
	for _, text := range keys {
		priv := rsaKey(text)
		if priv == nil {
			continue
		}
		key, err := priv.Decrypt(nil, wrapped, &rsa.OAEPOptions{Hash: oaep, MGFHash: mgf})
		if err != nil {
			continue
		}
		plain, err := open(algorithm, key, sealed)
		if err != nil {
			continue
		}
		if bound(plain, MaxAssertion) != nil {
			return nil, failed
		}
		doc := etree.NewDocument()
		if doc.ReadFromBytes(plain) != nil || doc.Root() == nil {
			return nil, failed
		}
		a := doc.Root()
		if a.Tag != "Assertion" || a.NamespaceURI() != nsAssertion {
			return nil, failed
		}
		return a, nil
	}
	return nil, failed
}

func cipherValue(e *etree.Element) ([]byte, error) {
	v := child(child(e, nsEncryption, "CipherData"), nsEncryption, "CipherValue")
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text(v)), ""))
}

// transportOf reads the key transport's hash functions.
func transportOf(m *etree.Element) (oaep, mgf crypto.Hash, ok bool) {
	if m == nil {
		return 0, 0, false
	}
	oaep, mgf = crypto.SHA1, crypto.SHA1
	switch m.SelectAttrValue("Algorithm", "") {
	case nsEncryption + "rsa-oaep-mgf1p":
	case nsEncryption11 + "rsa-oaep":
		if g := child(m, nsEncryption11, "MGF"); g != nil {
			if mgf, ok = mgfs[g.SelectAttrValue("Algorithm", "")]; !ok {
				return 0, 0, false
			}
		}
	default:
		return 0, 0, false
	}
	if d := child(m, nsSignature, "DigestMethod"); d != nil {
		if oaep, ok = digests[d.SelectAttrValue("Algorithm", "")]; !ok {
			return 0, 0, false
		}
	}
	return oaep, mgf, true
}

var digests = map[string]crypto.Hash{
	nsSignature + "sha1":    crypto.SHA1,
	nsEncryption + "sha256": crypto.SHA256,
	nsEncryption + "sha512": crypto.SHA512,
}

var mgfs = map[string]crypto.Hash{
	nsEncryption11 + "mgf1sha1":   crypto.SHA1,
	nsEncryption11 + "mgf1sha256": crypto.SHA256,
	nsEncryption11 + "mgf1sha512": crypto.SHA512,
}

// The hash functions that the tables name are linked in by these.
var _ = [...]func() hash.Hash{sha1.New, sha256.New, sha512.New}

func rsaKey(text []byte) *rsa.PrivateKey {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		r, _ := k.(*rsa.PrivateKey)
		return r
	}
	return nil
}

// open decrypts content: AES in GCM or CBC form.
func open(algorithm string, key, sealed []byte) ([]byte, error) {
	size := map[string]int{
		nsEncryption11 + "aes128-gcm": 16, nsEncryption11 + "aes256-gcm": 32,
		nsEncryption + "aes128-cbc": 16, nsEncryption + "aes256-cbc": 32,
	}[algorithm]
	if size == 0 || len(key) != size {
		return nil, ErrSignature
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(algorithm, "gcm") {
		gcm, err := cipher.NewGCM(block)
		if err != nil || len(sealed) < gcm.NonceSize() {
			return nil, ErrSignature
		}
		return gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
	}
	if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, ErrSignature
	}
	out := make([]byte, len(sealed)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(out, sealed[aes.BlockSize:])
	pad := int(out[len(out)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, ErrSignature
	}
	return out[:len(out)-pad], nil
}
