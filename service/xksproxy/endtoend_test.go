package xksproxy_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// Two servers: the keys of the outer one are rooted in a key of the inner one,
// over the proxy.

const (
	region    = "us-east-1"
	host      = "xks.example.com"
	accessKey = "ABCDEFGHIJKLMNOPQRST"
	secret    = "FYtE5EFA5FT0mCc3DrGUe2sti527BitkQ0Zr9MO9fvE"
	statement = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"Service":"kms-xks-proxy.amazonaws.com"},"Resource":"*",
		 "Action":["kms:DescribeKey","kms:GenerateDataKeyWithoutPlaintext","kms:Decrypt"],
		 "Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}]}`
)

var bg = context.Background()

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// pair writes a CA and a client certificate of it, and answers their paths.
func pair(t *testing.T, name string) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	write := func(file, kind string, der []byte) string {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clients"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, caKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	leafKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, leafKey.Public(), caKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	return write("ca.pem", "CERTIFICATE", rootDER), write("client.pem", "CERTIFICATE", leafDER), write("client.key", "PRIVATE KEY", keyDER)
}

// fixture is both servers.
type fixture struct {
	t       *testing.T
	inner   *kms.Client
	outer   *kms.Client
	root    string // the inner key's id
	unnamed string // the inner key whose policy does not know the proxy
	store   *string
	slow    int
}

func start(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t}
	data := filepath.Join(t.TempDir(), "inner")
	first := redoubttest.Start(t, redoubttest.Options{Data: data, Store: "pebble"})
	f.inner = kms.NewFromConfig(first.Admin.Config(region))
	made, err := f.inner.CreateKey(bg, &kms.CreateKeyInput{Policy: aws.String(statement)})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := f.inner.CreateKey(bg, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.root, f.unnamed = *made.KeyMetadata.KeyId, *plain.KeyMetadata.KeyId
	admin := first.Admin
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	ca, cert, key := pair(t, "cks.kms.us-east-1.amazonaws.com")
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := redoubttest.Start(t, redoubttest.Options{Data: data, Store: "pebble", Change: func(c *server.Config) {
		c.Hosts, c.ListenXKS = []string{host}, "127.0.0.1:0"
		c.XKS = server.XKSProxy{
			Prefix: "/tenant", AccessKeyID: accessKey, SecretFile: secretFile, ClientCA: ca, ClientNames: []string{"cks.kms.us-east-1.amazonaws.com"},
			Keys: []server.XKSKey{{ID: "root-1", Key: *made.KeyMetadata.Arn}, {ID: "unnamed", Key: *plain.KeyMetadata.Arn}},
		}
	}})
	conf := admin.Config(region)
	conf.BaseEndpoint = &second.URL
	f.inner = kms.NewFromConfig(conf)
	outer := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) {
		c.EgressAllow = []string{"127.0.0.1"}
		c.XKSEndpoints = map[string]server.XKSEndpoint{host: {Address: second.XKSAddress(), CA: filepath.Join(data, "ca.pem"), ClientCert: cert, ClientKey: key}}
	}})
	f.outer = kms.NewFromConfig(outer.Admin.Config(region))
	return f
}

// again repeats what a machine under load made miss the 250 ms.
func (f *fixture) again(call func() error) error {
	for {
		err := call()
		if err == nil || f.slow > 20 || !strings.Contains(err.Error(), "did not respond") {
			return err
		}
		f.slow++
	}
}

func (f *fixture) settings() *kms.CreateCustomKeyStoreInput {
	return &kms.CreateCustomKeyStoreInput{
		CustomKeyStoreName: aws.String("rooted elsewhere"), CustomKeyStoreType: "EXTERNAL_KEY_STORE", XksProxyConnectivity: "PUBLIC_ENDPOINT",
		XksProxyUriEndpoint: aws.String("https://" + host), XksProxyUriPath: aws.String("/tenant/kms/xks/v1"),
		XksProxyAuthenticationCredential: &types.XksProxyAuthenticationCredentialType{AccessKeyId: aws.String(accessKey), RawSecretAccessKey: aws.String(secret)},
	}
}

func (f *fixture) create(in *kms.CreateCustomKeyStoreInput) error {
	return f.again(func() error {
		out, err := f.outer.CreateCustomKeyStore(bg, in)
		if err == nil {
			f.store = out.CustomKeyStoreId
		}
		return err
	})
}

func (f *fixture) connect() {
	f.t.Helper()
	for {
		if _, err := f.outer.ConnectCustomKeyStore(bg, &kms.ConnectCustomKeyStoreInput{CustomKeyStoreId: f.store}); err != nil {
			f.t.Fatal(err)
		}
		e := f.await("CONNECTED", "FAILED")
		if e.ConnectionState == "CONNECTED" {
			return
		}
		if f.slow++; e.ConnectionErrorCode != "XKS_PROXY_TIMED_OUT" || f.slow > 20 {
			f.t.Fatal(e.ConnectionErrorCode)
		}
		f.disconnect()
	}
}

func (f *fixture) disconnect() {
	f.t.Helper()
	if _, err := f.outer.DisconnectCustomKeyStore(bg, &kms.DisconnectCustomKeyStoreInput{CustomKeyStoreId: f.store}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) await(states ...types.ConnectionStateType) (e types.CustomKeyStoresListEntry) {
	f.t.Helper()
	redoubttest.Eventually(f.t, func() error {
		out, err := f.outer.DescribeCustomKeyStores(bg, &kms.DescribeCustomKeyStoresInput{CustomKeyStoreId: f.store})
		if err != nil {
			return err
		}
		e = out.CustomKeyStores[0]
		for _, s := range states {
			if e.ConnectionState == s {
				return nil
			}
		}
		return fmt.Errorf("state %s %s", e.ConnectionState, e.ConnectionErrorCode)
	})
	return e
}

func (f *fixture) newKey(external string) (*types.KeyMetadata, error) {
	var m *types.KeyMetadata
	err := f.again(func() error {
		out, err := f.outer.CreateKey(bg, &kms.CreateKeyInput{Origin: types.OriginTypeExternalKeyStore, CustomKeyStoreId: f.store, XksKeyId: &external})
		if err == nil {
			m = out.KeyMetadata
		}
		return err
	})
	return m, err
}

func (f *fixture) encrypt(key *string, plain string) (blob []byte, err error) {
	err = f.again(func() error {
		out, err := f.outer.Encrypt(bg, &kms.EncryptInput{KeyId: key, Plaintext: []byte(plain), EncryptionContext: map[string]string{"a": "b"}})
		if err == nil {
			blob = out.CiphertextBlob
		}
		return err
	})
	return blob, err
}

func (f *fixture) decrypt(blob []byte, context string) (plain []byte, err error) {
	err = f.again(func() error {
		out, err := f.outer.Decrypt(bg, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: map[string]string{"a": context}})
		if err == nil {
			plain = out.Plaintext
		}
		return err
	})
	return plain, err
}

func TestOneKMSRootedInAnother(t *testing.T) {
	f := start(t)
	for what, c := range map[string]struct {
		change func(*kms.CreateCustomKeyStoreInput)
		want   string
	}{
		"wrong secret": {func(in *kms.CreateCustomKeyStoreInput) {
			in.XksProxyAuthenticationCredential.RawSecretAccessKey = aws.String(strings.Repeat("A", 43))
		}, "XksProxyIncorrectAuthenticationCredentialException"},
		"wrong path":    {func(in *kms.CreateCustomKeyStoreInput) { in.XksProxyUriPath = aws.String("/other/kms/xks/v1") }, "XksProxyInvalidConfigurationException"},
		"unknown proxy": {func(in *kms.CreateCustomKeyStoreInput) { in.XksProxyUriEndpoint = aws.String("https://127.0.0.1") }, "XksProxyUriUnreachableException"},
	} {
		in := f.settings()
		c.change(in)
		if err := f.create(in); code(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := f.create(f.settings()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.newKey("root-1"); code(err) != "CustomKeyStoreInvalidStateException" {
		t.Error("before it is connected:", err)
	}
	f.connect()
	if _, err := f.newKey("root-2"); code(err) != "XksKeyNotFoundException" {
		t.Error("a key that is not exported:", err)
	}
	if _, err := f.newKey("unnamed"); code(err) != "KMSInvalidStateException" {
		t.Error("a key whose policy does not allow the proxy:", err)
	}
	m, err := f.newKey("root-1")
	if err != nil {
		t.Fatal(err)
	}
	if m.Origin != "EXTERNAL_KEY_STORE" || m.KeyState != "Enabled" || *m.XksKeyConfiguration.Id != "root-1" || m.CurrentKeyMaterialId != nil {
		t.Errorf("%+v", m)
	}
	if _, err := f.newKey("root-1"); code(err) != "XksKeyAlreadyInUseException" {
		t.Error("twice:", err)
	}
	secret := strings.Repeat("x", 4096)
	blob, err := f.encrypt(m.KeyId, secret)
	if err != nil {
		t.Fatal(err)
	}
	if len(blob) > 6144 || bytes.Contains(blob, []byte("xxxx")) {
		t.Error(len(blob))
	}
	if got, err := f.decrypt(blob, "b"); err != nil || string(got) != secret {
		t.Fatal(err)
	}
	if _, err := f.decrypt(blob, "c"); code(err) != "KMSInvalidStateException" || !strings.Contains(err.Error(), "encryption context is corrupted") {
		t.Error("another context:", err)
	}

	// The inner key decides.
	if _, err := f.inner.DisableKey(bg, &kms.DisableKeyInput{KeyId: &f.root}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.decrypt(blob, "b"); code(err) != "KMSInvalidStateException" || !strings.Contains(err.Error(), "is not enabled in the external key manager") {
		t.Error("a disabled external key:", err)
	}
	if _, err := f.inner.EnableKey(bg, &kms.EnableKeyInput{KeyId: &f.root}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.inner.RotateKeyOnDemand(bg, &kms.RotateKeyOnDemandInput{KeyId: &f.root}); err != nil {
		t.Fatal(err)
	}
	if got, err := f.decrypt(blob, "b"); err != nil || string(got) != secret {
		t.Error("after a rotation of the external key:", err)
	}

	f.disconnect()
	if _, err := f.decrypt(blob, "b"); code(err) != "KMSInvalidStateException" {
		t.Error("disconnected:", err)
	}
	if out, err := f.outer.DescribeKey(bg, &kms.DescribeKeyInput{KeyId: m.KeyId}); err != nil || out.KeyMetadata.KeyState != "Unavailable" {
		t.Error(out, err)
	}
	f.connect()
	if got, err := f.decrypt(blob, "b"); err != nil || string(got) != secret {
		t.Error("connected again:", err)
	}
}
