package kms_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// The suite talks to a whole server over HTTP with AWS's own SDK.

const home = "us-east-1"

type suite struct {
	t *testing.T
	*redoubttest.Server
	kms *kms.Client
	ctx context.Context
}

func start(t *testing.T, o redoubttest.Options) *suite {
	t.Helper()
	s := redoubttest.Start(t, o)
	return &suite{t: t, Server: s, kms: kms.NewFromConfig(s.Admin.Config(home)), ctx: t.Context()}
}

func (s *suite) in(region string) *kms.Client { return kms.NewFromConfig(s.Admin.Config(region)) }

func (s *suite) key(in *kms.CreateKeyInput) *types.KeyMetadata {
	s.t.Helper()
	if in == nil {
		in = &kms.CreateKeyInput{}
	}
	out, err := s.kms.CreateKey(s.ctx, in)
	if err != nil {
		s.t.Fatal(err)
	}
	return out.KeyMetadata
}

// wantError checks code and, unless it is "*", message of a refusal.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || message != "*" && e.ErrorMessage() != message {
		t.Errorf("got %v, want %s %q", err, code, message)
	}
}

// user makes an IAM user and answers a client of theirs, the user's name and a
// function that sets the one policy.
func (s *suite) user(name string) (*kms.Client, func(policy string)) {
	s.t.Helper()
	client := iam.NewFromConfig(s.Admin.Config(home))
	if _, err := client.CreateUser(s.ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		s.t.Fatal(err)
	}
	k, err := client.CreateAccessKey(s.ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		s.t.Fatal(err)
	}
	set := func(policy string) {
		s.t.Helper()
		if _, err := client.PutUserPolicy(s.ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy}); err != nil {
			s.t.Fatal(err)
		}
	}
	return kms.NewFromConfig(s.Admin.With(home, *k.AccessKey.AccessKeyId, *k.AccessKey.SecretAccessKey, "")), set
}

// post sends one operation as it is and answers status and body.
func (s *suite) post(operation, body string) (int, http.Header, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.ctx, "POST", s.URL+"/", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	hash := fmt.Sprintf("%x", sha(body))
	cred := aws.Credentials{AccessKeyID: s.Admin.AccessKeyID, SecretAccessKey: s.Admin.Secret}
	if err := v4.NewSigner().SignHTTP(s.ctx, cred, r, hash, "kms", home, time.Now()); err != nil {
		s.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

// TestArticle follows the article's KMS snippets: S03 to S05, S07, S55, S57.
func TestArticle(t *testing.T) {
	s := start(t, redoubttest.Options{})
	m := s.key(&kms.CreateKeyInput{Description: aws.String("Application encryption key"), KeyUsage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS"})
	if m.KeyState != "Enabled" || m.KeySpec != "SYMMETRIC_DEFAULT" || len(m.EncryptionAlgorithms) != 1 ||
		*m.MultiRegion || m.KeyManager != "CUSTOMER" || *m.AWSAccountId != s.Admin.ID || *m.Arn != "arn:aws:kms:us-east-1:"+s.Admin.ID+":key/"+*m.KeyId {
		t.Errorf("S03: %+v", m)
	}
	_, err := s.kms.CreateAlias(s.ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/my-app-key"), TargetKeyId: aws.String("1234abcd-12ab-34cd-56ef-1234567890ab")})
	wantError(t, err, "NotFoundException", "Key 'arn:aws:kms:us-east-1:"+s.Admin.ID+":key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist")
	alias := &kms.CreateAliasInput{AliasName: aws.String("alias/my-app-key"), TargetKeyId: m.KeyId}
	if _, err = s.kms.CreateAlias(s.ctx, alias); err != nil {
		t.Fatal(err)
	}
	_, err = s.kms.CreateAlias(s.ctx, alias)
	wantError(t, err, "AlreadyExistsException", "*")

	plain := []byte("Secret message\n")
	enc, err := s.kms.Encrypt(s.ctx, &kms.EncryptInput{KeyId: aws.String("alias/my-app-key"), Plaintext: plain})
	if err != nil {
		t.Fatal(err)
	}
	dec, err := s.kms.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	if err != nil || !bytes.Equal(dec.Plaintext, plain) || *dec.KeyId != *m.Arn || dec.EncryptionAlgorithm != "SYMMETRIC_DEFAULT" || *dec.KeyMaterialId != *m.CurrentKeyMaterialId {
		t.Fatalf("S05: %+v %v", dec, err)
	}
	_, err = s.kms.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob, EncryptionContext: map[string]string{"a": "b"}})
	wantError(t, err, "InvalidCiphertextException", "")

	// S07: rotation and disabling.
	if _, err := s.kms.EnableKeyRotation(s.ctx, &kms.EnableKeyRotationInput{KeyId: m.KeyId}); err != nil {
		t.Fatal(err)
	}
	st, err := s.kms.GetKeyRotationStatus(s.ctx, &kms.GetKeyRotationStatusInput{KeyId: m.KeyId})
	if err != nil || !st.KeyRotationEnabled || *st.RotationPeriodInDays != 365 || st.NextRotationDate.Sub(s.Clock.Now()).Round(time.Hour) != 365*24*time.Hour {
		t.Errorf("S07: %+v %v", st, err)
	}
	if _, err := s.kms.DisableKey(s.ctx, &kms.DisableKeyInput{KeyId: m.KeyId}); err != nil {
		t.Fatal(err)
	}
	_, err = s.kms.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	wantError(t, err, "DisabledException", *m.Arn+" is disabled.")
	_, err = s.kms.EnableKeyRotation(s.ctx, &kms.EnableKeyRotationInput{KeyId: m.KeyId})
	wantError(t, err, "DisabledException", *m.Arn+" is disabled.")
	if _, err := s.kms.EnableKey(s.ctx, &kms.EnableKeyInput{KeyId: m.KeyId}); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(366 * 24 * time.Hour)
	redoubttest.Eventually(t, func() error {
		l, err := s.kms.ListKeyRotations(s.ctx, &kms.ListKeyRotationsInput{KeyId: m.KeyId})
		if err == nil && (len(l.Rotations) != 1 || l.Rotations[0].RotationType != "AUTOMATIC") {
			err = fmt.Errorf("%d rotations", len(l.Rotations))
		}
		return err
	})
	if dec, err := s.kms.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob}); err != nil || !bytes.Equal(dec.Plaintext, plain) {
		t.Error("old ciphertext after the rotation: ", err)
	}
	fresh, err := s.kms.GenerateDataKey(s.ctx, &kms.GenerateDataKeyInput{KeyId: m.KeyId, KeySpec: "AES_256"})
	if err != nil || *fresh.KeyMaterialId == *m.CurrentKeyMaterialId {
		t.Error("new ciphertexts are under the old material: ", err)
	}

	// S55 and S57.
	_, err = s.kms.GetKeyPolicy(s.ctx, &kms.GetKeyPolicyInput{KeyId: aws.String("alias/my-app-key")})
	wantError(t, err, "NotFoundException", "Invalid keyId 'alias/my-app-key'")
	p, err := s.kms.GetKeyPolicy(s.ctx, &kms.GetKeyPolicyInput{KeyId: m.KeyId})
	if err != nil || *p.PolicyName != "default" || !strings.Contains(*p.Policy, `"Sid" : "Enable IAM User Permissions"`) {
		t.Errorf("S55: %+v %v", p, err)
	}
	_, err = s.kms.DescribeKey(s.ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/my-key")})
	wantError(t, err, "NotFoundException", "Alias arn:aws:kms:us-east-1:"+s.Admin.ID+":alias/my-key is not found.")
	if d, err := s.kms.DescribeKey(s.ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/my-app-key")}); err != nil || *d.KeyMetadata.KeyId != *m.KeyId {
		t.Error("S57: ", err)
	}
}

// TestPolicyDecides is case S06.
func TestPolicyDecides(t *testing.T) {
	s := start(t, redoubttest.Options{})
	m := s.key(nil)
	u, allow := s.user("alice")
	enc := &kms.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("x")}
	_, err := u.Encrypt(s.ctx, enc)
	wantError(t, err, "AccessDeniedException", "User: arn:aws:iam::"+s.Admin.ID+":user/alice is not authorized to perform: kms:Encrypt on resource: "+*m.Arn+" because no identity-based policy allows the kms:Encrypt action")
	allow(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`)
	if _, err := u.Encrypt(s.ctx, enc); err != nil {
		t.Error("delegated to IAM: ", err)
	}
	id, err := iam.NewFromConfig(s.Admin.Config(home)).GetUser(s.ctx, &iam.GetUserInput{})
	if err != nil {
		t.Fatal(err)
	}
	admin := *id.User.Arn
	only := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":%q},"Action":"kms:*","Resource":"*"}]}`, admin)
	if _, err := s.kms.PutKeyPolicy(s.ctx, &kms.PutKeyPolicyInput{KeyId: m.KeyId, Policy: &only}); err != nil {
		t.Fatal(err)
	}
	_, err = u.Encrypt(s.ctx, enc)
	wantError(t, err, "AccessDeniedException", "*")
	lockout := strings.Replace(only, admin, "arn:aws:iam::"+s.Admin.ID+":user/alice", 1)
	_, err = s.kms.PutKeyPolicy(s.ctx, &kms.PutKeyPolicyInput{KeyId: m.KeyId, Policy: &lockout})
	wantError(t, err, "MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
	nobody := strings.Replace(only, admin, "arn:aws:iam::"+s.Admin.ID+":user/nobody", 1)
	_, err = s.kms.PutKeyPolicy(s.ctx, &kms.PutKeyPolicyInput{KeyId: m.KeyId, Policy: &nobody})
	wantError(t, err, "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.")

	// A grant is the other way in.
	g, err := s.kms.CreateGrant(s.ctx, &kms.CreateGrantInput{KeyId: m.KeyId, GranteePrincipal: aws.String("arn:aws:iam::" + s.Admin.ID + ":user/alice"), Operations: []types.GrantOperation{"Encrypt"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Encrypt(s.ctx, enc); err != nil {
		t.Error("granted: ", err)
	}
	if _, err := s.kms.RetireGrant(s.ctx, &kms.RetireGrantInput{GrantToken: g.GrantToken}); err != nil {
		t.Error(err)
	}
	_, err = u.Encrypt(s.ctx, enc)
	wantError(t, err, "AccessDeniedException", "*")
}

// TestMultiRegion is cases S08 and S09.
func TestMultiRegion(t *testing.T) {
	s := start(t, redoubttest.Options{})
	m := s.key(&kms.CreateKeyInput{MultiRegion: aws.Bool(true)})
	if !strings.HasPrefix(*m.KeyId, "mrk-") || m.MultiRegionConfiguration.MultiRegionKeyType != "PRIMARY" || m.MultiRegionConfiguration.ReplicaKeys == nil {
		t.Errorf("%+v", m)
	}
	_, err := s.kms.ReplicateKey(s.ctx, &kms.ReplicateKeyInput{KeyId: aws.String("mrk-1234abcd"), ReplicaRegion: aws.String("eu-west-1")})
	wantError(t, err, "NotFoundException", "Invalid keyId 'mrk-1234abcd'")
	in := &kms.ReplicateKeyInput{KeyId: m.KeyId, ReplicaRegion: aws.String("eu-west-1")}
	r, err := s.kms.ReplicateKey(s.ctx, in)
	if err != nil || r.ReplicaKeyMetadata.KeyState != "Creating" || r.ReplicaTags != nil || !strings.Contains(*r.ReplicaPolicy, "key-default-1") {
		t.Fatalf("%+v %v", r, err)
	}
	there := s.in("eu-west-1")
	redoubttest.Eventually(t, func() error {
		d, err := there.DescribeKey(s.ctx, &kms.DescribeKeyInput{KeyId: m.KeyId})
		if err == nil && d.KeyMetadata.KeyState != "Enabled" {
			err = errors.New(string(d.KeyMetadata.KeyState))
		}
		return err
	})
	enc, err := s.kms.Encrypt(s.ctx, &kms.EncryptInput{KeyId: m.KeyId, Plaintext: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := there.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob}); err != nil {
		t.Error(err)
	}
	_, err = s.kms.ReplicateKey(s.ctx, in)
	wantError(t, err, "AlreadyExistsException", "*")
	arn := strings.Replace(*m.Arn, "us-east-1", "ap-southeast-1", 1)
	_, err = s.kms.DescribeKey(s.ctx, &kms.DescribeKeyInput{KeyId: &arn})
	wantError(t, err, "NotFoundException", "Invalid arn ap-southeast-1")
}

// TestWire checks what SDKs hide: status, absent members, errors without text.
func TestWire(t *testing.T) {
	s := start(t, redoubttest.Options{})
	m := s.key(nil)
	for _, test := range []struct {
		operation, body string
		status          int
		want            string
	}{
		{"EnableKey", `{"KeyId":"` + *m.KeyId + `"}`, 200, ""},
		{"ListKeyPolicies", `{"KeyId":"` + *m.KeyId + `"}`, 200, `{"PolicyNames":["default"],"Truncated":false}`},
		{"ListResourceTags", `{"KeyId":"` + *m.KeyId + `"}`, 200, `{"Tags":[],"Truncated":false}`},
		{"ListGrants", `{"KeyId":"` + *m.KeyId + `"}`, 200, `{"Grants":[],"Truncated":false}`},
		{"GetKeyRotationStatus", `{"KeyId":"` + *m.KeyId + `"}`, 200, `{"KeyId":"` + *m.Arn + `","KeyRotationEnabled":false}`},
		{"Decrypt", `{"CiphertextBlob":"AAAA"}`, 400, `{"__type":"InvalidCiphertextException"}`},
		{"GenerateRandom", `{}`, 400, `{"__type":"ValidationException","message":"NumberOfBytes is required."}`},
		{"GenerateRandom", `{"NumberOfBytes":1025}`, 400, `{"__type":"ValidationException","message":"1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024"}`},
		{"DescribeKey", `{"KeyId":"fake-key-id"}`, 400, `{"__type":"NotFoundException","message":"Invalid keyId 'fake-key-id'"}`},
	} {
		status, _, body := s.post(test.operation, test.body)
		if status != test.status || !sameMembers(body, test.want) {
			t.Errorf("%s %s: %d %s, want %d %s", test.operation, test.body, status, body, test.status, test.want)
		}
	}
	_, _, body := s.post("DescribeKey", `{"KeyId":"`+*m.KeyId+`"}`)
	for _, absent := range []string{"DeletionDate", "ValidTo", "ExpirationModel", "MultiRegionConfiguration", "SigningAlgorithms", "MacAlgorithms", "KeyAgreementAlgorithms", "CustomKeyStoreId", "CloudHsmClusterId", "XksKeyConfiguration", "PendingDeletionWindowInDays", "null"} {
		if strings.Contains(body, absent) {
			t.Errorf("DescribeKey shows %s: %s", absent, body)
		}
	}
}

// TestRestart: everything is there again, and what is planned still happens.
func TestRestart(t *testing.T) {
	dir := t.TempDir() + "/data"
	o := redoubttest.Options{Data: dir, Store: "pebble"}
	var id, blob = "", []byte(nil)
	var account redoubttest.Account
	t.Run("before", func(t *testing.T) {
		s := start(t, o)
		account = *s.Admin
		m := s.key(nil)
		id = *m.KeyId
		enc, err := s.kms.Encrypt(s.ctx, &kms.EncryptInput{KeyId: &id, Plaintext: []byte("kept")})
		if err != nil {
			t.Fatal(err)
		}
		blob = enc.CiphertextBlob
		gone := s.key(nil)
		if _, err := s.kms.ScheduleKeyDeletion(s.ctx, &kms.ScheduleKeyDeletionInput{KeyId: gone.KeyId, PendingWindowInDays: aws.Int32(7)}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.kms.CreateAlias(s.ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/kept"), TargetKeyId: &id}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("after", func(t *testing.T) {
		r := redoubttest.Start(t, o)
		cfg := aws.Config{Region: home, BaseEndpoint: &r.URL, Credentials: (&redoubttest.Account{}).With(home, account.AccessKeyID, account.Secret, "").Credentials, RetryMaxAttempts: 1}
		client := kms.NewFromConfig(cfg)
		if d, err := client.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: blob, KeyId: aws.String("alias/kept")}); err != nil || string(d.Plaintext) != "kept" {
			t.Error(err)
		}
		r.Clock.Advance(8 * 24 * time.Hour)
		redoubttest.Eventually(t, func() error {
			l, err := client.ListKeys(t.Context(), &kms.ListKeysInput{})
			if err == nil && len(l.Keys) != 1 {
				err = fmt.Errorf("%d keys", len(l.Keys))
			}
			return err
		})
	})
}
