package xksproxy

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/xks"
	"github.com/redoubt-sec/redoubt/op"
)

// health tells whether cryptographic operations can succeed now.
func (s *Service) health(q *request) (any, error) {
	var in xks.MetadataRequest
	if err := parse(q, &in, &in.Metadata); err != nil {
		return nil, err
	}
	status := xks.HealthActive
	if s.ready() != nil {
		status = xks.HealthUnavailable
	}
	return &xks.Health{
		ProxyFleetSize: 1, ProxyVendor: "Redoubt", ProxyModel: "Redoubt XKS proxy " + s.version, ManagerVendor: "Redoubt",
		Managers: []xks.Manager{{ID: "redoubt", Model: "Redoubt KMS " + s.version, Health: status}},
	}, nil
}

// metadata describes an exported key.
func (s *Service) metadata(ctx context.Context, q *request) (any, error) {
	var in xks.MetadataRequest
	if err := parse(q, &in, &in.Metadata); err != nil {
		return nil, err
	}
	out, err := op.Invoke(ctx, s.invoker, q.export.as, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &q.export.arn})
	if err != nil {
		return nil, err
	}
	k := out.KeyMetadata
	m := &xks.KeyMetadata{Spec: *k.KeySpec, Usage: []string{}, Status: xks.StatusDisabled}
	if m.Spec == kmsapi.KeySpecSymmetricDefault {
		m.Spec = xks.KeySpecAES256
		m.Usage = []string{xks.UsageEncrypt, xks.UsageDecrypt}
	}
	if *k.KeyState == kmsapi.KeyStateEnabled {
		m.Status = xks.StatusEnabled
	}
	return m, nil
}

// Ciphertext metadata: version of the data key (4, big endian) ‖ salt (16).
const (
	versionSize  = 4
	saltSize     = 16
	metadataSize = versionSize + saltSize // all that the specification leaves
	ivSize       = 12
)

// label keeps messages under the data keys of two external ids apart, whatever
// the data keys are.
func (e *export) label() string { return "redoubt xks proxy\x00" + e.id }

// bind is what a message authenticates besides itself: the caller's additional
// data and the version. The salt makes the key and needs no binding.
func bind(aad []byte, version [versionSize]byte) []byte { return xks.Bind(aad, version[:]) }

func (s *Service) encrypt(ctx context.Context, q *request) (any, error) {
	var in xks.EncryptRequest
	if err := parse(q, &in, &in.Metadata); err != nil {
		return nil, err
	}
	defer harden.Wipe(in.Plaintext)
	switch {
	case len(in.Plaintext) == 0:
		return nil, invalid("plaintext is missing.")
	case in.Algorithm != xks.AlgorithmGCM:
		return nil, invalid("encryptionAlgorithm must be AES_GCM.")
	case in.IntegrityAlgorithm != "" && in.IntegrityAlgorithm != xks.AlgorithmSHA256:
		return nil, invalid("ciphertextDataIntegrityValueAlgorithm must be SHA_256.")
	case len(in.Plaintext) > keystore.MaxPlaintext || len(in.AAD) > keystore.MaxAAD:
		return nil, unsupported("plaintext or additionalAuthenticatedData is too large.")
	}
	number, key, err := s.current(ctx, q.export)
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(key)
	var version [versionSize]byte
	binary.BigEndian.PutUint32(version[:], number)
	aad := bind(in.AAD, version)
	sealed := message.Append(nil, key, q.export.label(), aad, in.Plaintext)

	// salt ‖ IV ‖ ciphertext ‖ tag
	end := len(sealed) - xks.TagSize
	out := &xks.EncryptResponse{
		Metadata:   append(version[:], sealed[:saltSize]...),
		IV:         sealed[saltSize : saltSize+ivSize],
		Ciphertext: sealed[saltSize+ivSize : end],
		Tag:        sealed[end:],
	}
	if in.IntegrityAlgorithm == "" {
		return out, nil
	}
	// The value first, the proof second: what changes in between is then found,
	// here or by KMS (specification, appendix C).
	out.Integrity = out.ComputeIntegrity(in.AAD)
	plain, err := open(q.export, key, out.Metadata, out.IV, out.Ciphertext, out.Tag, in.AAD)
	if err != nil || !bytes.Equal(plain, in.Plaintext) {
		return nil, &xks.Error{Name: xks.ErrInternal, Cause: err}
	}
	harden.Wipe(plain)
	return out, nil
}

func (s *Service) decrypt(ctx context.Context, q *request) (any, error) {
	var in xks.DecryptRequest
	if err := parse(q, &in, &in.Metadata); err != nil {
		return nil, err
	}
	switch {
	case len(in.Ciphertext) == 0 || len(in.IV) == 0 || len(in.Tag) == 0:
		return nil, invalid("ciphertext, initializationVector or authenticationTag is missing.")
	case in.Algorithm != xks.AlgorithmGCM:
		return nil, invalid("encryptionAlgorithm must be AES_GCM.")
	case len(in.CiphertextMetadata) > xks.MaxMetadata:
		return nil, invalid("ciphertextMetadata is too large.")
	case len(in.Ciphertext) > keystore.MaxPlaintext || len(in.AAD) > keystore.MaxAAD:
		return nil, unsupported("ciphertext or additionalAuthenticatedData is too large.")
	case len(in.CiphertextMetadata) != metadataSize || len(in.IV) != ivSize || len(in.Tag) != xks.TagSize:
		return nil, &xks.Error{Name: xks.ErrInvalidCiphertext}
	}
	key, err := s.former(ctx, q.export, binary.BigEndian.Uint32(in.CiphertextMetadata))
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(key)
	plain, err := open(q.export, key, in.CiphertextMetadata, in.IV, in.Ciphertext, in.Tag, in.AAD)
	if err != nil {
		return nil, &xks.Error{Name: xks.ErrInvalidCiphertext}
	}
	return &xks.DecryptResponse{Plaintext: plain}, nil
}

// open undoes what encrypt did, from the parts as the API has them.
func open(e *export, key, metadata, iv, ciphertext, tag, aad []byte) ([]byte, error) {
	sealed := make([]byte, 0, saltSize+len(iv)+len(ciphertext)+len(tag))
	for _, part := range [][]byte{metadata[versionSize:], iv, ciphertext, tag} {
		sealed = append(sealed, part...)
	}
	return message.Open(key, e.label(), bind(aad, [versionSize]byte(metadata)), sealed)
}

// maxARN is the longest ARN that a proxy must take.
const maxARN = 2048

// parse reads the body. at is where the body's request metadata comes to lie.
func parse(q *request, in any, at **xks.RequestMetadata) error {
	if err := xks.Parse(q.body, in); err != nil {
		return invalid("The body is not the JSON expected.")
	}
	m := *at
	if m == nil {
		return invalid("requestMetadata is missing.")
	}
	if len(m.PrincipalARN) > maxARN || len(m.KeyARN) > maxARN || len(m.Operation) > maxARN || len(m.RequestID) > maxARN || len(m.ViaService) > maxARN {
		return invalid("requestMetadata is too large.")
	}
	q.metadata = m
	if m.RequestID == "" || m.Operation == "" || q.export != nil && m.PrincipalARN == "" {
		return invalid("requestMetadata lacks kmsRequestId, kmsOperation or awsPrincipalArn.")
	}
	return nil
}
