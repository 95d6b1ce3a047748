package keyring

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
)

// KMSSeal wraps the root key by a symmetric key of another KMS endpoint: AWS's,
// or another redoubt. It needs kms:Encrypt for Wrap and kms:Decrypt for Unwrap,
// with the encryption context that binding gives.
type KMSSeal struct {
	endpoint string
	keyID    string
	client   Doer
	signer   Signer
}

// Doer sends requests: the guarded client of package egress.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Signer signs a request with SigV4 for service "kms" and the endpoint's
// region; body is the whole body.
type Signer interface {
	Sign(r *http.Request, body []byte, now time.Time)
}

type kmsParams struct{ Endpoint, KeyID string }

const (
	kmsTimeout  = 10 * time.Second
	maxResponse = 64 << 10
)

// NewKMSSeal uses the key keyID (id, ARN or alias) at endpoint, a URL without a
// path.
func NewKMSSeal(endpoint, keyID string, client Doer, signer Signer) *KMSSeal {
	return &KMSSeal{strings.TrimSuffix(endpoint, "/"), keyID, client, signer}
}

// Kind implements Seal.
func (s *KMSSeal) Kind() string { return "awskms" }

// Close implements Seal.
func (s *KMSSeal) Close() error { return nil }

type kmsMessage struct {
	KeyID             string            `json:"KeyId,omitempty"`
	Plaintext         []byte            `json:",omitempty"`
	CiphertextBlob    []byte            `json:",omitempty"`
	EncryptionContext map[string]string `json:",omitempty"`
}

// Wrap implements Seal.
func (s *KMSSeal) Wrap(ctx context.Context, root, aad []byte) (Wrap, error) {
	out, err := s.call(ctx, "Encrypt", kmsMessage{KeyID: s.keyID, Plaintext: root, EncryptionContext: binding(aad)})
	if err != nil {
		return Wrap{}, err
	}
	if len(out.CiphertextBlob) == 0 {
		return Wrap{}, errors.New("keyring: the KMS endpoint answered no ciphertext")
	}
	params, err := json.Marshal(kmsParams{s.endpoint, s.keyID})
	return Wrap{s.Kind(), params, out.CiphertextBlob}, err
}

// Unwrap implements Seal. The key is the one of this seal, not of the record:
// whoever can change the store cannot choose another.
func (s *KMSSeal) Unwrap(ctx context.Context, w Wrap, aad []byte) ([]byte, error) {
	out, err := s.call(ctx, "Decrypt", kmsMessage{KeyID: s.keyID, CiphertextBlob: w.Blob, EncryptionContext: binding(aad)})
	if err != nil {
		return nil, err
	}
	return out.Plaintext, nil
}

// binding is what Encrypt and Decrypt carry, and the other side's audit shows.
func binding(aad []byte) map[string]string {
	return map[string]string{"redoubt:purpose": "root key", "redoubt:binding": hex.EncodeToString(aad)}
}

func (s *KMSSeal) call(ctx context.Context, operation string, in kmsMessage) (out kmsMessage, err error) {
	ctx, cancel := context.WithTimeout(ctx, kmsTimeout)
	defer cancel()
	body, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("keyring: %w", err)
	}
	defer harden.Wipe(body)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return out, fmt.Errorf("keyring: %w", err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	s.signer.Sign(r, body, time.Now())
	resp, err := s.client.Do(r)
	if err != nil {
		return out, fmt.Errorf("keyring: KMS endpoint: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxResponse))
	if err != nil {
		return out, fmt.Errorf("keyring: KMS endpoint: %w", err)
	}
	defer harden.Wipe(answer)
	if resp.StatusCode != http.StatusOK {
		return out, kmsFailure(operation, resp.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return out, errors.New("keyring: the KMS endpoint's answer is no JSON")
	}
	return out, nil
}

func kmsFailure(operation string, status int, answer []byte) error {
	var e struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
		Upper   string `json:"Message"`
	}
	_ = json.Unmarshal(answer, &e) // proxies answer other things; the status stands
	_, name, ok := strings.Cut(e.Type, "#")
	if !ok {
		name = e.Type
	}
	switch name {
	case "InvalidCiphertextException", "IncorrectKeyException":
		return fmt.Errorf("%w (%s)", ErrWrongSeal, name)
	}
	return fmt.Errorf("keyring: KMS endpoint refused %s: %d %s %s%s", operation, status, name, e.Message, e.Upper)
}
