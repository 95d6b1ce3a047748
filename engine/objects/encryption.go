package objects

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
// The engine makes a random data key per object and wraps it under the secrets:
// of KMS, plaintexts of GenerateDataKey. The same secret may serve many objects
// (Bucket Keys).
type Encryption struct {
	Kind      Kind
	KeyARN    string            `json:",omitempty"` // KMS key
	Sealed    [][]byte          `json:",omitempty"` // KMS ciphertexts that the secrets are the plaintexts of, in order
	Context   map[string]string `json:",omitempty"` // encryption context that opens them
	BucketKey bool              `json:",omitempty"`
	// Customer is a salted HMAC of the customer's key; the engine fills it.
	Customer []byte `json:",omitempty"`
}
