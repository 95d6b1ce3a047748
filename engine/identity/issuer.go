package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/redoubt-sec/redoubt/store"
)

// Issuer signs tokens by which an account's principals show who they are to
// others (OpenID Connect, "outbound web identity federation").
type Issuer struct {
	ID      string // part of its address
	Account string
	Enabled bool
	// Sealed are the private keys, PKCS #8: RSA 2048 and P-384.
	SealedRSA, SealedEC []byte
	// Public are the keys that verifiers fetch, as a JSON Web Key Set.
	Public json.RawMessage
}

var (
	issuers   = store.GlobalTable[Issuer]("identity.issuer")          // by ID
	issuerIDs = store.AccountTable[nameRow]("identity.accountissuer") // account's only row "issuer"
)

const purposeIssuer = "identity.issuer"

// Key ids as AWS names them.
const (
	kidRSA = "RSA_0"
	kidEC  = "EC384_0"
)

// ErrNoIssuer: there is nowhere that a verifier could fetch keys from, since no
// address for issuers is configured.
var ErrNoIssuer = errors.New("identity: no address for token issuers is configured")

// IssuerURL is the issuer's address, the tokens' iss.
func (i *Identity) IssuerURL(s *Issuer) string {
	return strings.TrimSuffix(i.IssuerBase, "/") + "/" + s.ID
}

// Issuer answers an account's issuer; NotFound if it never had one.
func (i *Identity) Issuer(tx *store.Tx, account string) (*Issuer, error) {
	row, err := issuerIDs.In(account).Get(tx, "issuer")
	if err != nil {
		return nil, notFound(err, "issuer", account)
	}
	return i.IssuerByID(tx, row.ID)
}

// IssuerByID answers an issuer by the last part of its address, or NotFound.
func (i *Identity) IssuerByID(tx *store.Tx, id string) (*Issuer, error) {
	s, err := issuers.Rows().Get(tx, id)
	if err != nil {
		return nil, notFound(err, "issuer", id)
	}
	return s, nil
}

// SetIssuer turns an account's issuer on or off. Its address and keys stay, so
// that tokens issued before can still be verified.
func (i *Identity) SetIssuer(tx *store.Tx, account string, enabled bool) (*Issuer, error) {
	if i.IssuerBase == "" {
		return nil, ErrNoIssuer
	}
	s, err := i.Issuer(tx, account)
	if missing(err) {
		s, err = i.newIssuer(account)
		if err == nil {
			err = issuerIDs.In(account).Put(tx, "issuer", &nameRow{s.ID})
		}
	} else if err == nil {
		s = &Issuer{s.ID, s.Account, s.Enabled, s.SealedRSA, s.SealedEC, s.Public}
	}
	if err != nil {
		return nil, err
	}
	s.Enabled = enabled
	return s, issuers.Rows().Put(tx, s.ID, s)
}

func (i *Identity) newIssuer(account string) (*Issuer, error) {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := &Issuer{ID: fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), Account: account}
	rk, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	ek, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if s.SealedRSA, err = i.sealKey(s.ID, kidRSA, rk); err != nil {
		return nil, err
	}
	if s.SealedEC, err = i.sealKey(s.ID, kidEC, ek); err != nil {
		return nil, err
	}
	point, err := ek.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	s.Public, err = json.Marshal(map[string]any{"keys": []map[string]string{
		{"kty": "RSA", "kid": kidRSA, "alg": "RS256", "use": "sig", "n": b64(rk.N.Bytes()), "e": b64(big.NewInt(int64(rk.E)).Bytes())},
		{"kty": "EC", "kid": kidEC, "alg": "ES384", "use": "sig", "crv": "P-384", "x": b64(point[1:49]), "y": b64(point[49:])},
	}})
	return s, err
}

func (i *Identity) sealKey(id, kid string, key any) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return i.Keys.Seal(purposeIssuer, []byte(store.ID(id, kid)), der)
}

// SignToken makes a JSON Web Token of claims with the issuer's key for alg,
// "RS256" or "ES384".
func (i *Identity) SignToken(s *Issuer, alg string, claims map[string]any) (string, error) {
	kid, sealed := kidRSA, s.SealedRSA
	if alg == "ES384" {
		kid, sealed = kidEC, s.SealedEC
	}
	header, err := json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64(header) + "." + b64(body)
	der, err := i.Keys.Open(purposeIssuer, []byte(store.ID(s.ID, kid)), sealed)
	if err != nil {
		return "", err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	clear(der)
	if err != nil {
		return "", err
	}
	var sig []byte
	switch k := key.(type) {
	case *rsa.PrivateKey:
		sum := sha256.Sum256([]byte(text))
		sig, err = rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		sum := sha512.Sum384([]byte(text))
		var r, v *big.Int
		if r, v, err = ecdsa.Sign(rand.Reader, k, sum[:]); err == nil {
			sig = append(r.FillBytes(make([]byte, 48)), v.FillBytes(make([]byte, 48))...)
		}
	}
	return text + "." + b64(sig), err
}

// Discovery is the document at the issuer's address + "/.well-known/openid-configuration".
// The keys, Issuer.Public, belong at its jwks_uri.
func (i *Identity) Discovery(s *Issuer) ([]byte, error) {
	url := i.IssuerURL(s)
	return json.Marshal(map[string]any{
		"issuer": url, "jwks_uri": url + "/.well-known/jwks.json", "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "ES384"},
		"claims_supported":                      []string{"sub", "iss", "aud", "exp", "iat", "jti", "https://sts.amazonaws.com/"},
	})
}
