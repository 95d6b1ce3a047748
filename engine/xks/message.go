package xks

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/go-json-experiment/json"
)

// Service is the signing name of the proxy API.
const Service = "kms-xks-proxy"

// BasePath ends the path of every proxy: an optional prefix stands before it.
const BasePath = "/kms/xks/v1"

// What the specification fixes.
const (
	AlgorithmGCM    = "AES_GCM"
	AlgorithmSHA256 = "SHA_256"
	KeySpecAES256   = "AES_256"
	UsageEncrypt    = "ENCRYPT"
	UsageDecrypt    = "DECRYPT"
	StatusEnabled   = "ENABLED"
	StatusDisabled  = "DISABLED"

	HealthActive      = "ACTIVE"
	HealthDegraded    = "DEGRADED"
	HealthUnavailable = "UNAVAILABLE"

	TagSize     = 16
	MaxMetadata = 20
	MaxBody     = 64 << 10 // bytes, either way; the largest request is about 30 KiB
)

// RequestMetadata says for which call to KMS a request is made.
type RequestMetadata struct {
	PrincipalARN string `json:"awsPrincipalArn,omitempty"`
	SourceVPC    string `json:"awsSourceVpc,omitempty"`
	SourceVPCE   string `json:"awsSourceVpce,omitempty"`
	KeyARN       string `json:"kmsKeyArn,omitempty"`
	Operation    string `json:"kmsOperation"`
	RequestID    string `json:"kmsRequestId"`
	ViaService   string `json:"kmsViaService,omitempty"`
}

// MetadataRequest is the body of …/health and …/keys/{id}/metadata.
type MetadataRequest struct {
	Metadata *RequestMetadata `json:"requestMetadata"`
}

// KeyMetadata is the answer of …/keys/{id}/metadata.
type KeyMetadata struct {
	Spec   string   `json:"keySpec"`
	Usage  []string `json:"keyUsage"` // at most ten
	Status string   `json:"keyStatus"`
}

// EncryptRequest is the body of …/keys/{id}/encrypt. Blobs are Base64 on the
// wire.
type EncryptRequest struct {
	Metadata           *RequestMetadata `json:"requestMetadata"`
	AAD                []byte           `json:"additionalAuthenticatedData,omitempty"`
	Plaintext          []byte           `json:"plaintext"`
	Algorithm          string           `json:"encryptionAlgorithm"`
	IntegrityAlgorithm string           `json:"ciphertextDataIntegrityValueAlgorithm,omitempty"`
}

// EncryptResponse is its answer.
type EncryptResponse struct {
	Ciphertext []byte `json:"ciphertext"`
	Metadata   []byte `json:"ciphertextMetadata,omitempty"`
	IV         []byte `json:"initializationVector"`
	Tag        []byte `json:"authenticationTag"`
	Integrity  []byte `json:"ciphertextDataIntegrityValue,omitempty"`
}

// DecryptRequest is the body of …/keys/{id}/decrypt.
type DecryptRequest struct {
	Metadata           *RequestMetadata `json:"requestMetadata"`
	AAD                []byte           `json:"additionalAuthenticatedData,omitempty"`
	Ciphertext         []byte           `json:"ciphertext"`
	CiphertextMetadata []byte           `json:"ciphertextMetadata,omitempty"`
	IV                 []byte           `json:"initializationVector"`
	Tag                []byte           `json:"authenticationTag"`
	Algorithm          string           `json:"encryptionAlgorithm"`
}

// DecryptResponse is its answer.
type DecryptResponse struct {
	Plaintext []byte `json:"plaintext"`
}

// Health is the answer of …/health.
type Health struct {
	ProxyFleetSize int       `json:"xksProxyFleetSize"`
	ProxyVendor    string    `json:"xksProxyVendor"`
	ProxyModel     string    `json:"xksProxyModel"`
	ManagerVendor  string    `json:"ekmVendor"`
	Managers       []Manager `json:"ekmFleetDetails"` // one to ten
}

// Manager is one external key manager of a fleet.
type Manager struct {
	ID     string `json:"id"`
	Model  string `json:"model"`
	Health string `json:"healthStatus"`
}

// Parse reads a body. It refuses duplicate members and bad UTF-8, and ignores
// members that it does not know: KMS may add some.
func Parse(body []byte, v any) error { return json.Unmarshal(body, v) }

// Format writes a body.
func Format(v any) ([]byte, error) { return json.Marshal(v) }

// ComputeIntegrity computes the Ciphertext Data Integrity Value of an encryption with
// additional data aad (specification, appendix C).
func (r *EncryptResponse) ComputeIntegrity(aad []byte) []byte {
	h := sha256.New()
	for _, part := range [][]byte{aad, r.Metadata, r.IV, r.Ciphertext, r.Tag} {
		h.Write(part)
	}
	return h.Sum(nil)
}

// Bind joins additional data and ciphertext metadata, with the length of each,
// to what is authenticated together with the ciphertext.
func Bind(aad, metadata []byte) []byte {
	b := make([]byte, 0, 3+len(aad)+len(metadata))
	b = binary.BigEndian.AppendUint16(b, uint16(len(aad)))
	b = append(b, aad...)
	b = append(b, byte(len(metadata)))
	return append(b, metadata...)
}
