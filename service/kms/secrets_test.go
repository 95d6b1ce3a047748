package kms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// TestNothingInTheClear looks for known secrets in the data directory and in the
// audit log.
func TestNothingInTheClear(t *testing.T) {
	dir := t.TempDir() + "/data"
	plain := []byte("plaintext-marker-7c1f4e0a9b")
	material := []byte("imported-material-marker-5d2e8f1a")[:32]
	var secrets [][]byte
	var events string
	t.Run("use", func(t *testing.T) {
		s := start(t, redoubttest.Options{Data: dir, Store: "pebble"})
		m := s.key(&kms.CreateKeyInput{Origin: "EXTERNAL", Description: aws.String("visible-marker-0123456789")})
		p, err := s.kms.GetParametersForImport(s.ctx, &kms.GetParametersForImportInput{KeyId: m.KeyId, WrappingAlgorithm: "RSAES_OAEP_SHA_256", WrappingKeySpec: "RSA_2048"})
		if err != nil {
			t.Fatal(err)
		}
		pub, err := x509.ParsePKIXPublicKey(p.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, pub.(*rsa.PublicKey), material, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.kms.ImportKeyMaterial(s.ctx, &kms.ImportKeyMaterialInput{KeyId: m.KeyId, ImportToken: p.ImportToken, EncryptedKeyMaterial: wrapped, ExpirationModel: "KEY_MATERIAL_DOES_NOT_EXPIRE"}); err != nil {
			t.Fatal(err)
		}
		enc, err := s.kms.Encrypt(s.ctx, &kms.EncryptInput{KeyId: m.KeyId, Plaintext: plain, EncryptionContext: map[string]string{"shown": "context-marker-42"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.kms.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: map[string]string{"shown": "context-marker-42"}}); err != nil {
			t.Fatal(err)
		}
		data, err := s.kms.GenerateDataKey(s.ctx, &kms.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: "AES_256"})
		if err != nil {
			t.Fatal(err)
		}
		g, err := s.kms.CreateGrant(s.ctx, &kms.CreateGrantInput{KeyId: m.KeyId, GranteePrincipal: aws.String("arn:aws:iam::" + s.Admin.ID + ":root"), Operations: grantDecrypt})
		if err != nil {
			t.Fatal(err)
		}
		secrets = [][]byte{plain, material, data.Plaintext, enc.CiphertextBlob, []byte(*g.GrantToken), p.ImportToken}
		if _, err := s.kms.RetireGrant(s.ctx, &kms.RetireGrantInput{GrantToken: g.GrantToken}); err != nil {
			t.Fatal(err)
		}
		trail := cloudtrail.NewFromConfig(s.Admin.Config(home))
		redoubttest.Eventually(t, func() error {
			events = ""
			var token *string
			for first := true; first || token != nil; first = false {
				out, err := trail.LookupEvents(context.Background(), &cloudtrail.LookupEventsInput{NextToken: token})
				if err != nil {
					return err
				}
				for _, e := range out.Events {
					events += *e.CloudTrailEvent + "\n"
				}
				token = out.NextToken
			}
			for _, name := range []string{"Encrypt", "Decrypt", "GenerateDataKey", "CreateGrant", "ImportKeyMaterial", "RetireGrant"} {
				if !strings.Contains(events, `"eventName":"`+name+`"`) {
					return errNoEvent(name)
				}
			}
			return nil
		})
	})
	for _, shown := range []string{"context-marker-42", "visible-marker-0123456789"} {
		if !strings.Contains(events, shown) {
			t.Errorf("the audit log does not show %s", shown)
		}
	}
	var disk bytes.Buffer
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		disk.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(disk.Bytes(), []byte("visible-marker-0123456789")) {
		t.Error("the search finds nothing: the key's description is not found either")
	}
	for i, secret := range secrets {
		for _, form := range []string{string(secret), base64.StdEncoding.EncodeToString(secret)[:len(secret)], hex.EncodeToString(secret)} {
			if bytes.Contains(disk.Bytes(), []byte(form)) {
				t.Errorf("secret %d is on disk", i)
			}
			if strings.Contains(events, form) {
				t.Errorf("secret %d is in the audit log", i)
			}
		}
	}
}

var grantDecrypt = []types.GrantOperation{types.GrantOperationDecrypt}

type errNoEvent string

func (e errNoEvent) Error() string { return "no event of " + string(e) }
