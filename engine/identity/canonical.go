package identity

import (
	"crypto/sha256"
	"encoding/hex"
)

// CanonicalID is the account's canonical user id, by which S3's answers and
// policies name owners.
func CanonicalID(account string) string {
	sum := sha256.Sum256([]byte("canonical user " + account))
	return hex.EncodeToString(sum[:])
}
