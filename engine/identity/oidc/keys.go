package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// Key is one of a provider's public keys.
type Key struct {
	ID        string
	Algorithm string // empty: any that fits the key
	Public    any    // *rsa.PublicKey, *ecdsa.PublicKey
}

// maxKeys bounds a key set.
const maxKeys = 100

// ParseKeys reads a JSON Web Key Set. Keys of other kinds and uses are skipped.
func ParseKeys(b []byte) ([]Key, error) {
	var set struct {
		Keys []struct{ Kty, Use, Kid, Alg, N, E, Crv, X, Y string }
	}
	if err := json.Unmarshal(b, &set); err != nil || len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%w: key set is malformed", ErrCommunication)
	}
	var out []Key
	for _, k := range set.Keys {
		if k.Use != "" && k.Use != "sig" {
			continue
		}
		var public any
		switch k.Kty {
		case "RSA":
			public = rsaKey(k.N, k.E)
		case "EC":
			public = ecKey(k.Crv, k.X, k.Y)
		}
		if public != nil {
			out = append(out, Key{k.Kid, k.Alg, public})
		}
	}
	return out, nil
}

func rsaKey(n, e string) any {
	nb, err1 := base64.RawURLEncoding.DecodeString(n)
	eb, err2 := base64.RawURLEncoding.DecodeString(e)
	if err1 != nil || err2 != nil || len(nb) < 256 || len(nb) > 1024 || len(eb) == 0 || len(eb) > 4 {
		return nil
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(nb), E: int(new(big.Int).SetBytes(eb).Int64())}
}

func ecKey(crv, x, y string) any {
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[crv]
	xb, err1 := base64.RawURLEncoding.DecodeString(x)
	yb, err2 := base64.RawURLEncoding.DecodeString(y)
	if curve == nil || err1 != nil || err2 != nil {
		return nil
	}
	size := (curve.Params().BitSize + 7) / 8
	if len(xb) != size || len(yb) != size {
		return nil
	}
	// Parsing checks that the point lies on the curve.
	k, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, xb...), yb...))
	if err != nil {
		return nil
	}
	return k
}
