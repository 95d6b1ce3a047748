package rotate

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// scramIterations is PostgreSQL's default of scram_iterations.
const scramIterations = 4096

// scramVerifier makes what PostgreSQL stores for a password under
// SCRAM-SHA-256 (RFC 5802, RFC 7677), as a literal:
// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>. Its characters need
// no quoting.
func scramVerifier(password string) (string, error) {
	salt := make([]byte, 16)
	rand.Read(salt)
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramIterations, sha256.Size)
	if err != nil {
		return "", &refusal{text: "no SCRAM verifier could be made of the password", err: err}
	}
	key := func(name string) []byte {
		m := hmac.New(sha256.New, salted)
		m.Write([]byte(name))
		return m.Sum(nil)
	}
	stored := sha256.Sum256(key("Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("'SCRAM-SHA-256$%d:%s$%s:%s'", scramIterations, b64(salt), b64(stored[:]), b64(key("Server Key"))), nil
}
