package server_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// TestOutboundFederation verifies a token of sts:GetWebIdentityToken as its
// recipient would: with the keys that the issuer publishes.
func TestOutboundFederation(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.IssuerURL = "https://redoubt.example.com" }})
	users := iam.NewFromConfig(s.Admin.Config("us-east-1"))
	tokens := sts.NewFromConfig(s.Admin.Config("us-east-1"))
	in := &sts.GetWebIdentityTokenInput{Audience: []string{"https://verifier.example"}, SigningAlgorithm: aws.String("RS256")}
	if _, err := tokens.GetWebIdentityToken(t.Context(), in); err == nil {
		t.Fatal("a token although the account has not enabled it")
	}
	on, err := users.EnableOutboundWebIdentityFederation(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	base, ok := strings.CutPrefix(*on.IssuerIdentifier, "https://redoubt.example.com")
	if !ok || !strings.HasPrefix(base, "/_redoubt/issuer/") {
		t.Fatal(*on.IssuerIdentifier)
	}
	get := func(path string, want int) map[string]any {
		t.Helper()
		resp, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != want {
			t.Fatalf("%s: %s: %s", path, resp.Status, b)
		}
		var m map[string]any
		json.Unmarshal(b, &m)
		return m
	}
	get("/_redoubt/issuer/nobody/.well-known/jwks.json", http.StatusNotFound)
	get(base+"/.well-known/else", http.StatusNotFound)
	conf := get(base+"/.well-known/openid-configuration", http.StatusOK)
	if conf["issuer"] != *on.IssuerIdentifier || conf["jwks_uri"] != *on.IssuerIdentifier+"/.well-known/jwks.json" {
		t.Fatal(conf)
	}
	out, err := tokens.GetWebIdentityToken(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	part := strings.Split(*out.WebIdentityToken, ".")
	decode := func(s string, v any) {
		t.Helper()
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err == nil {
			err = json.Unmarshal(b, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var head struct{ Kid, Alg string }
	var claims map[string]any
	decode(part[0], &head)
	decode(part[1], &claims)
	if claims["iss"] != *on.IssuerIdentifier || claims["sub"] != "arn:aws:iam::123456789012:user/admin" {
		t.Fatal(claims)
	}
	for _, k := range get(base+"/.well-known/jwks.json", http.StatusOK)["keys"].([]any) {
		k := k.(map[string]any)
		if k["kid"] != head.Kid {
			continue
		}
		n, _ := base64.RawURLEncoding.DecodeString(k["n"].(string))
		e, _ := base64.RawURLEncoding.DecodeString(k["e"].(string))
		key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		sum := sha256.Sum256([]byte(part[0] + "." + part[1]))
		sig, _ := base64.RawURLEncoding.DecodeString(part[2])
		if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("no key %q is published", head.Kid)
}
