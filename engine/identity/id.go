package identity

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// Prefixes of unique ids. Source: IAM User Guide, "IAM identifiers".
const (
	prefixAccessKey  = "AKIA"
	prefixTemporary  = "ASIA"
	prefixUser       = "AIDA"
	prefixGroup      = "AGPA"
	prefixRole       = "AROA"
	prefixPolicy     = "ANPA"
	prefixProfile    = "AIPA"
	prefixCert       = "ASCA"
	prefixSSHKey     = "APKA"
	prefixCredential = "ACCA"
)

var base32Raw = base32.StdEncoding.WithPadding(base32.NoPadding)

// newID makes a unique id: prefix and base32 characters, of which the first
// carry the account, as AWS's do (GetAccessKeyInfo knows the account of a
// temporary key that nobody stored). Access key ids have 16, the others 17.
func newID(prefix, account string) string {
	var b [11]byte
	rand.Read(b[:])
	n, _ := strconv.ParseUint(account, 10, 64)
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], 1<<63|n<<23|uint64(b[5]&0x7f)<<16)
	copy(b[:6], head[:6])
	s := base32Raw.EncodeToString(b[:])
	if prefix == prefixAccessKey || prefix == prefixTemporary {
		return prefix + s[:16]
	}
	return prefix + s[:17]
}

// newCertificateID makes the id of a signing certificate: 32 random characters.
func newCertificateID() string {
	var b [20]byte
	rand.Read(b[:])
	return base32Raw.EncodeToString(b[:])
}

// AccountOf answers the account that an access key id carries; empty if it
// carries none.
func AccountOf(accessKeyID string) string {
	if len(accessKeyID) < 16 {
		return ""
	}
	b, err := base32Raw.DecodeString(accessKeyID[4:min(len(accessKeyID), 20)])
	if err != nil || len(b) < 6 {
		// 16 characters are 10 bytes; shorter ids may end within a byte.
		return ""
	}
	var head [8]byte
	copy(head[:], b[:6])
	n := binary.BigEndian.Uint64(head[:]) << 1 >> 24
	s := strconv.FormatUint(n, 10)
	if len(s) > 12 {
		return ""
	}
	return "000000000000"[len(s):] + s
}

// newSecret makes the 40 characters of a secret access key.
func newSecret() string {
	var b [30]byte
	rand.Read(b[:])
	return base64.StdEncoding.EncodeToString(b[:])
}
