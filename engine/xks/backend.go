package xks

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keystore"
)

// Backend serves custom key stores of type EXTERNAL_KEY_STORE. It implements
// keystore.Backend.
type Backend struct {
	peers  map[string]peer
	budget time.Duration
}

// New makes the back end.
func New(o Options) *Backend {
	if o.Budget <= 0 {
		o.Budget = Budget
	}
	return &Backend{peers: peers(o), budget: o.Budget}
}

// Close ends idle connections.
func (b *Backend) Close() {
	for _, p := range b.peers {
		p.send.CloseIdleConnections()
	}
}

// Check implements keystore.Backend. With VPC_ENDPOINT_SERVICE connectivity KMS
// does not connect before ConnectCustomKeyStore.
func (b *Backend) Check(ctx context.Context, s, _ *keystore.Settings, r keystore.Request) error {
	if s.VPCService == "" {
		return b.health(ctx, s, r)
	}
	for _, p := range b.peers {
		if p.route.VPCService == s.VPCService {
			return nil
		}
	}
	return keystore.ProxyNoVPCService
}

// Connect implements keystore.Backend.
func (b *Backend) Connect(ctx context.Context, s *keystore.Settings, r keystore.Request) (bool, error) {
	return false, b.health(ctx, s, r)
}

// Disconnect implements keystore.Backend. Connections belong to routes, which
// stores share; those that idle close by themselves.
func (b *Backend) Disconnect(string) {}

// health asks the proxy whether its external key managers can work.
func (b *Backend) health(ctx context.Context, s *keystore.Settings, r keystore.Request) error {
	var h Health
	if r.RequestID == "" {
		r.RequestID = rand.Text() // connecting goes on after its call; proxies require an id
	}
	in := MetadataRequest{&RequestMetadata{Operation: r.Operation, RequestID: r.RequestID}}
	if err := b.post(ctx, s, "/health", in, &h); err != nil {
		return err
	}
	if h.ProxyFleetSize < 1 || len(h.Managers) < 1 || len(h.Managers) > 10 {
		return malformed("fleet of %d proxies and %d managers", h.ProxyFleetSize, len(h.Managers))
	}
	able := false
	for _, m := range h.Managers {
		switch m.Health {
		case HealthActive, HealthDegraded:
			able = true
		case HealthUnavailable:
		default:
			return malformed("health status is none of the specification's")
		}
	}
	if !able {
		return keystore.ProxyManagersAway
	}
	return nil
}

// Create implements keystore.Backend: it finds the external key, which must be
// an enabled AES-256 key that encrypts and decrypts.
func (b *Backend) Create(ctx context.Context, s *keystore.Settings, r keystore.Request, k keystore.Key) (string, error) {
	var m KeyMetadata
	if err := b.post(ctx, s, "/keys/"+k.Backing+"/metadata", MetadataRequest{metadata(r)}, &m); err != nil {
		return "", err
	}
	switch {
	case m.Spec == "" || m.Usage == nil || len(m.Usage) > 10 || m.Status != StatusEnabled && m.Status != StatusDisabled:
		return "", malformed("key metadata is not of the specification's form")
	case m.Spec != KeySpecAES256:
		return "", keystore.ProxyKeySpec
	case !slices.Contains(m.Usage, UsageEncrypt) || !slices.Contains(m.Usage, UsageDecrypt):
		return "", keystore.ProxyKeyUsage
	case m.Status != StatusEnabled:
		return "", keystore.ProxyKeyDisabled
	}
	return k.Backing, nil
}

// Encrypt implements keystore.Backend.
func (b *Backend) Encrypt(ctx context.Context, s *keystore.Settings, r keystore.Request, k keystore.Key, plaintext, aad []byte) ([]byte, error) {
	if len(plaintext) == 0 || len(plaintext) > keystore.MaxPlaintext {
		return nil, fmt.Errorf("xks: plaintext of %d bytes", len(plaintext))
	}
	bound := digest(k, aad)
	var out EncryptResponse
	err := b.post(ctx, s, "/keys/"+k.Backing+"/encrypt", EncryptRequest{
		Metadata: metadata(r), AAD: bound, Plaintext: plaintext, Algorithm: AlgorithmGCM, IntegrityAlgorithm: AlgorithmSHA256,
	}, &out)
	if err != nil {
		return nil, err
	}
	switch {
	case len(out.Ciphertext) != len(plaintext):
		return nil, malformed("%d bytes of ciphertext for %d of plaintext", len(out.Ciphertext), len(plaintext))
	case len(out.IV) != 12 && len(out.IV) != 16, len(out.Tag) != TagSize, len(out.Metadata) > MaxMetadata:
		return nil, malformed("initialization vector, tag or metadata of a wrong length")
	case !bytes.Equal(out.Integrity, out.ComputeIntegrity(bound)):
		return nil, malformed("ciphertext data integrity value missing or wrong")
	}
	return pack(&out), nil
}

// Decrypt implements keystore.Backend.
func (b *Backend) Decrypt(ctx context.Context, s *keystore.Settings, r keystore.Request, k keystore.Key, ciphertext, aad []byte) ([]byte, error) {
	in, ok := unpack(ciphertext)
	if !ok {
		return nil, keystore.NotOurs
	}
	in.Metadata, in.AAD, in.Algorithm = metadata(r), digest(k, aad), AlgorithmGCM
	var out DecryptResponse
	if err := b.post(ctx, s, "/keys/"+k.Backing+"/decrypt", in, &out); err != nil {
		return nil, err
	}
	if len(out.Plaintext) != len(in.Ciphertext) {
		return nil, malformed("%d bytes of plaintext for %d of ciphertext", len(out.Plaintext), len(in.Ciphertext))
	}
	return out.Plaintext, nil
}

// Destroy implements keystore.Backend: KMS never deletes external keys.
func (b *Backend) Destroy(context.Context, *keystore.Settings, keystore.Key) error { return nil }

// Random implements keystore.Backend.
func (b *Backend) Random(context.Context, *keystore.Settings, int) ([]byte, error) {
	return nil, keystore.Unsupported
}

func metadata(r keystore.Request) *RequestMetadata {
	return &RequestMetadata{
		PrincipalARN: r.Principal, KeyARN: r.KeyARN, Operation: r.Operation, RequestID: r.RequestID, ViaService: r.ViaService,
	}
}

// digest is the additional data as the proxy sees it: of one size whatever the
// encryption context is, and telling nothing of it. The KMS key's id makes
// ciphertexts of two KMS keys over one external key different things.
func digest(k keystore.Key, aad []byte) []byte {
	h := sha256.New()
	h.Write([]byte("redoubt xks\x00" + k.ID + "\x00"))
	h.Write(aad)
	return h.Sum(nil)
}

const packVersion = 1

// pack joins the parts of a ciphertext:
//
//	version (1) ‖ IV size (1) ‖ metadata size (1) ‖ IV ‖ metadata ‖ tag (16) ‖ ciphertext
func pack(r *EncryptResponse) []byte {
	b := make([]byte, 0, 3+len(r.IV)+len(r.Metadata)+len(r.Tag)+len(r.Ciphertext))
	b = append(b, packVersion, byte(len(r.IV)), byte(len(r.Metadata)))
	return slices.Concat(b, r.IV, r.Metadata, r.Tag, r.Ciphertext)
}

func unpack(b []byte) (*DecryptRequest, bool) {
	if len(b) < 3 || b[0] != packVersion || b[1] != 12 && b[1] != 16 || b[2] > MaxMetadata {
		return nil, false
	}
	iv, meta := int(b[1]), int(b[2])
	b = b[3:]
	if len(b) <= iv+meta+TagSize || len(b) > iv+meta+TagSize+keystore.MaxPlaintext {
		return nil, false
	}
	return &DecryptRequest{
		IV: b[:iv], CiphertextMetadata: b[iv : iv+meta], Tag: b[iv+meta : iv+meta+TagSize], Ciphertext: b[iv+meta+TagSize:],
	}, true
}
