package secretsmanager

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/op"
)

// defaultKey encrypts secrets that name no key.
const defaultKey = "alias/aws/secretsmanager"

// content is a value in the clear, for the length of one call.
type content struct {
	text   []byte
	binary bool
}

// sealLabel is what keys of values are derived for.
const sealLabel = "secretsmanager value"

// newContent reads the value out of a request; ok is false if it has none.
func newContent(text *string, binary []byte) (v content, ok bool, err error) {
	switch {
	case text != nil && binary != nil:
		return v, false, api.ErrInvalidParameterException.New("You can't specify both a binary secret value and a string secret value in the same secret.")
	case text != nil:
		return content{text: []byte(*text)}, true, nil
	case binary != nil:
		return content{binary, true}, true, nil
	}
	return v, false, nil
}

// encryptionContext is AWS's own, so that key policies and the log of KMS show
// for which version of which secret a key was used.
func encryptionContext(arn, version string) map[string]string {
	return map[string]string{"SecretARN": arn, "SecretVersionId": version}
}

// forward passes the caller on to KMS in the secret's Region.
func forward(c *redoubt.Call, region string) op.As {
	as := op.Forward(c, "secretsmanager")
	as.Region = region
	return as
}

// keyFor answers a key that a caller named, so that KMS finds it in the account
// of the secret whoever calls. Nobody of another account can use the default key.
func keyFor(c *redoubt.Call, sec *Secret, key string) (string, error) {
	if key == "" {
		if c.Account != sec.Account {
			return "", errForeignDefault()
		}
		return defaultKey, nil
	}
	if c.Account == sec.Account || strings.HasPrefix(key, "arn:") {
		return key, nil
	}
	if !strings.HasPrefix(key, "alias/") {
		key = "key/" + key
	}
	return redoubt.ARN{Partition: c.Partition, Service: "kms", Region: sec.Region, Account: sec.Account, Resource: key}.String(), nil
}

// storedKey is what a secret keeps of a KmsKeyId: nothing for the default key.
func storedKey(c *redoubt.Call, key string) string {
	if key == defaultKey || key == (redoubt.ARN{Partition: c.Partition, Service: "kms", Region: c.Region, Account: c.Account, Resource: defaultKey}).String() {
		return ""
	}
	return key
}

// bindings is what a sealed value is bound to besides its data key.
func bindings(arn, version string, binary bool) []byte {
	return fmt.Appendf(nil, "%s\x00%s\x00%t", arn, version, binary)
}

// seal encrypts a value under a fresh data key of the secret's KMS key.
func (s *Service) seal(ctx context.Context, c *redoubt.Call, sec *Secret, v *Version, val content) error {
	key, err := keyFor(c, sec, sec.Key)
	if err != nil {
		return err
	}
	out, err := op.Invoke(ctx, s.invoker, forward(c, sec.Region), kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{
		KeyId: &key, KeySpec: new(kmsapi.DataKeySpecAes256), EncryptionContext: encryptionContext(sec.ARN, v.ID),
	})
	if err != nil {
		return cannotEncrypt(err)
	}
	defer harden.Wipe(out.Plaintext)
	v.Key, v.KeyARN, v.Wrapped, v.Binary = sec.Key, value(out.KeyId), out.CiphertextBlob, val.binary
	v.Sealed = message.Append(nil, out.Plaintext, sealLabel, bindings(sec.ARN, v.ID, val.binary), val.text)
	return nil
}

// open decrypts a version's value with the caller's rights on its key. The data
// key lives no longer than this.
func (s *Service) open(ctx context.Context, c *redoubt.Call, sec *Secret, v *Version) (content, error) {
	if v.Key == "" && c.Account != sec.Account {
		return content{}, errForeignDefault()
	}
	out, err := op.Invoke(ctx, s.invoker, forward(c, sec.Region), kmsapi.OpDecrypt, &kmsapi.DecryptInput{
		KeyId: &v.KeyARN, CiphertextBlob: v.Wrapped, EncryptionContext: encryptionContext(sec.ARN, v.ID),
	})
	if err != nil {
		return content{}, cannotDecrypt(err)
	}
	defer harden.Wipe(out.Plaintext)
	text, err := message.Open(out.Plaintext, sealLabel, bindings(sec.ARN, v.ID, v.Binary), v.Sealed)
	return content{text, v.Binary}, err
}

func (v content) equal(w content) bool { return v.binary == w.binary && bytes.Equal(v.text, w.text) }

// tryKey checks that the caller may use a key of their choice, before a secret
// depends on it. Source: Secrets Manager User Guide, "Secret encryption and
// decryption": the request is told from others by its context.
func (s *Service) tryKey(ctx context.Context, c *redoubt.Call, sec *Secret) error {
	if sec.Key == "" {
		return nil
	}
	key, err := keyFor(c, sec, sec.Key)
	if err != nil {
		return err
	}
	at := encryptionContext(sec.ARN, "RequestToValidateKeyAccess")
	out, err := op.Invoke(ctx, s.invoker, forward(c, sec.Region), kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{
		KeyId: &key, KeySpec: new(kmsapi.DataKeySpecAes256), EncryptionContext: at,
	})
	if err != nil {
		return cannotEncrypt(err)
	}
	harden.Wipe(out.Plaintext)
	back, err := op.Invoke(ctx, s.invoker, forward(c, sec.Region), kmsapi.OpDecrypt, &kmsapi.DecryptInput{
		CiphertextBlob: out.CiphertextBlob, EncryptionContext: at,
	})
	if err != nil {
		return cannotDecrypt(err)
	}
	harden.Wipe(back.Plaintext)
	return nil
}
