package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // hash functions of the algorithms below
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// maxToken bounds a token; STS's model admits 20,000 characters.
const maxToken = 20_000

// Token is a token whose signature may not have been checked yet.
type Token struct {
	Algorithm, KeyID string
	Issuer, Subject  string
	Audience         []string
	AuthorizedParty  string // azp
	Expires, Issued  time.Time
	NotBefore        time.Time // zero if absent
	Claims           map[string]any

	signed    string
	signature []byte
}

// Parse takes a token apart.
func Parse(text string) (*Token, error) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return nil, ErrMalformed
	}
	var header struct {
		Alg, Kid string
		Crit     []string
	}
	if err := segment(parts[0], &header); err != nil {
		return nil, err
	}
	if len(header.Crit) > 0 {
		return nil, fmt.Errorf("%w: it has critical extensions", ErrMalformed)
	}
	t := &Token{Algorithm: header.Alg, KeyID: header.Kid, signed: parts[0] + "." + parts[1]}
	if err := segment(parts[1], &t.Claims); err != nil {
		return nil, err
	}
	var err error
	if t.signature, err = base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return nil, ErrMalformed
	}
	t.Issuer, _ = t.Claims["iss"].(string)
	t.Subject, _ = t.Claims["sub"].(string)
	t.AuthorizedParty, _ = t.Claims["azp"].(string)
	switch aud := t.Claims["aud"].(type) {
	case string:
		t.Audience = []string{aud}
	case []any:
		for _, v := range aud {
			s, ok := v.(string)
			if !ok {
				return nil, ErrMalformed
			}
			t.Audience = append(t.Audience, s)
		}
	}
	t.Expires, t.Issued, t.NotBefore = instant(t.Claims["exp"]), instant(t.Claims["iat"]), instant(t.Claims["nbf"])
	if t.Issuer == "" || t.Subject == "" || t.Expires.IsZero() {
		return nil, fmt.Errorf("%w: iss, sub or exp is missing", ErrMalformed)
	}
	return t, nil
}

func segment(text string, to any) error {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return ErrMalformed
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	if err := d.Decode(to); err != nil {
		return ErrMalformed
	}
	return nil
}

// instant reads a NumericDate; zero if it is none.
func instant(v any) time.Time {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}
	}
	f, err := n.Float64()
	if err != nil || f <= 0 || f > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(f), 0).UTC()
}

// algorithm is a way to sign.
type algorithm struct {
	hash crypto.Hash
	ec   int // bytes of a coordinate; 0 for RSA
	pss  bool
}

var algorithms = map[string]algorithm{
	"RS256": {crypto.SHA256, 0, false}, "RS384": {crypto.SHA384, 0, false}, "RS512": {crypto.SHA512, 0, false},
	"PS256": {crypto.SHA256, 0, true}, "PS384": {crypto.SHA384, 0, true}, "PS512": {crypto.SHA512, 0, true},
	"ES256": {crypto.SHA256, 32, false}, "ES384": {crypto.SHA384, 48, false}, "ES512": {crypto.SHA512, 66, false},
}

// Verify checks the signature with one of the provider's keys.
func (t *Token) Verify(keys []Key) error {
	alg, ok := algorithms[t.Algorithm]
	if !ok {
		return fmt.Errorf("%w: algorithm %q", ErrSignature, t.Algorithm)
	}
	h := alg.hash.New()
	h.Write([]byte(t.signed))
	sum := h.Sum(nil)
	found := false
	for _, k := range keys {
		if t.KeyID != "" && k.ID != t.KeyID || k.Algorithm != "" && k.Algorithm != t.Algorithm {
			continue
		}
		found = true
		if alg.verify(k.Public, sum, t.signature) {
			return nil
		}
	}
	if !found {
		return ErrUnknownKey
	}
	return ErrSignature
}

func (a algorithm) verify(public any, sum, sig []byte) bool {
	switch k := public.(type) {
	case *rsa.PublicKey:
		switch {
		case a.ec != 0:
			return false
		case a.pss:
			return rsa.VerifyPSS(k, a.hash, sum, sig, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(k, a.hash, sum, sig) == nil
	case *ecdsa.PublicKey:
		if a.ec == 0 || (k.Curve.Params().BitSize+7)/8 != a.ec || len(sig) != 2*a.ec {
			return false
		}
		return ecdsa.Verify(k, sum, new(big.Int).SetBytes(sig[:a.ec]), new(big.Int).SetBytes(sig[a.ec:]))
	}
	return false
}
