package server_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
)

// TestTwoServersOverEtcd is the smoke test of a cluster: what one server
// acknowledges holds on the other at once. Security requirement 8.
func TestTwoServersOverEtcd(t *testing.T) {
	cluster := etcdtest.Start(t, 3, etcdtest.Options{})
	seal := filepath.Join(t.TempDir(), "seal.key")
	start := func() *redoubttest.Server {
		return redoubttest.Start(t, redoubttest.Options{Store: cluster.URL("redoubt", ""), Change: func(c *server.Config) { c.SealKey = seal }})
	}
	a, b := start(), start()
	if b.Admin != nil {
		t.Fatal("the second server made an account of its own")
	}
	onA := kms.NewFromConfig(a.Admin.Config("us-east-1"))
	at := func(s *redoubttest.Server, keyID, secret string) *kms.Client {
		conf := a.Admin.With("us-east-1", keyID, secret, "")
		conf.BaseEndpoint = aws.String(s.URL)
		return kms.NewFromConfig(conf)
	}
	onB := at(b, a.Admin.AccessKeyID, a.Admin.Secret)

	k, err := onA.CreateKey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := k.KeyMetadata.KeyId
	enc, err := onB.Encrypt(t.Context(), &kms.EncryptInput{KeyId: id, Plaintext: []byte("both")})
	if err != nil {
		t.Fatal(err)
	}
	dec, err := onA.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob})
	if err != nil || string(dec.Plaintext) != "both" {
		t.Fatal(dec, err)
	}

	// No stale allow: key state,
	for range 10 {
		if _, err := onA.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: id}); err != nil {
			t.Fatal(err)
		}
		var disabled *types.DisabledException
		if _, err := onB.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob}); !errors.As(err, &disabled) {
			t.Fatalf("the other server decrypts with a disabled key: %v", err)
		}
		if _, err := onB.EnableKey(t.Context(), &kms.EnableKeyInput{KeyId: id}); err != nil {
			t.Fatal(err)
		}
		if _, err := onA.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob}); err != nil {
			t.Fatal(err)
		}
	}
	// policies and credentials.
	users := iam.NewFromConfig(a.Admin.Config("us-east-1"))
	user := aws.String("ci")
	if _, err := users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: user}); err != nil {
		t.Fatal(err)
	}
	key, err := users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: user})
	if err != nil {
		t.Fatal(err)
	}
	ci := at(b, *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey)
	refused := func(what, code string) {
		t.Helper()
		if _, err := ci.ListKeys(t.Context(), nil); err == nil || !strings.Contains(err.Error(), code) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	policy := aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:ListKeys","Resource":"*"}]}`)
	for range 5 {
		refused("without a policy", "AccessDeniedException")
		if _, err := users.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: user, PolicyName: user, PolicyDocument: policy}); err != nil {
			t.Fatal(err)
		}
		if _, err := ci.ListKeys(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := users.DeleteUserPolicy(t.Context(), &iam.DeleteUserPolicyInput{UserName: user, PolicyName: user}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := users.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{UserName: user, AccessKeyId: key.AccessKey.AccessKeyId, Status: iamtypes.StatusTypeInactive}); err != nil {
		t.Fatal(err)
	}
	refused("with an inactive key", "UnrecognizedClientException")

	// A member of the cluster goes; nothing else happens.
	cluster.Stop(cluster.Leader())
	redoubttest.Eventually(t, func() error {
		_, err := onB.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/after"), TargetKeyId: id})
		var exists *types.AlreadyExistsException
		if errors.As(err, &exists) {
			return nil
		}
		return err
	})
	if _, err := onA.Decrypt(t.Context(), &kms.DecryptInput{CiphertextBlob: enc.CiphertextBlob}); err != nil {
		t.Fatal(err)
	}
}
