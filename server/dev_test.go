package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

func dev(t *testing.T) *redoubttest.Server {
	return redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.Dev = true }})
}

func post(t *testing.T, s *redoubttest.Server, path, body, token string) int {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestDevKeysNameAccounts(t *testing.T) {
	s := dev(t)
	for _, c := range []struct{ key, account string }{
		{"210987654321", "210987654321"},
		{"anything", "123456789012"},
	} {
		out, err := sts.NewFromConfig(s.Admin.With("eu-west-1", c.key, "any", "")).GetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if *out.Account != c.account || *out.Arn != "arn:aws:iam::"+c.account+":root" {
			t.Errorf("%s: %s, %s", c.key, *out.Account, *out.Arn)
		}
	}
	// A key that was made here is whose it is, and its signature counts.
	users := iam.NewFromConfig(s.Admin.With("us-east-1", "anything", "any", ""))
	name := "ci"
	if _, err := users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
	key, err := users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	k := key.AccessKey
	if _, err := kms.NewFromConfig(s.Admin.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, "")).ListKeys(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "AccessDeniedException") {
		t.Errorf("a user without policies lists keys: %v", err)
	}
	if _, err := sts.NewFromConfig(s.Admin.With("us-east-1", *k.AccessKeyId, "wrong", "")).GetCallerIdentity(t.Context(), nil); err == nil {
		t.Error("a known key with a wrong secret was let in")
	}
}

func TestDevRootIsBoundByKeyPolicies(t *testing.T) {
	s := dev(t)
	keys := kms.NewFromConfig(s.Admin.With("us-east-1", "123456789012", "any", ""))
	policy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Deny","Principal":"*","Action":"kms:Encrypt","Resource":"*"}]}`
	k, err := keys.CreateKey(t.Context(), &kms.CreateKeyInput{Policy: &policy})
	if err != nil {
		t.Fatal(err)
	}
	_, err = keys.Encrypt(t.Context(), &kms.EncryptInput{KeyId: k.KeyMetadata.KeyId, Plaintext: []byte("x")})
	if err == nil || !strings.Contains(err.Error(), "explicit deny") {
		t.Fatalf("%v", err)
	}
}

func TestClockAndResetNeedTheToken(t *testing.T) {
	s := dev(t)
	keys := kms.NewFromConfig(s.Admin.With("us-east-1", "123456789012", "any", ""))
	k, err := keys.CreateKey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	id := k.KeyMetadata.KeyId
	if _, err := keys.ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: id}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"", "wrong", s.ControlToken + "x"} {
		if code := post(t, s, "/_redoubt/clock", `{"advance":"8784h"}`, token); code != http.StatusUnauthorized {
			t.Errorf("token %q: %d", token, code)
		}
		if code := post(t, s, "/_redoubt/reset", "", token); code != http.StatusUnauthorized {
			t.Errorf("token %q: %d", token, code)
		}
	}
	for body, want := range map[string]int{`{"advance":"-1h"}`: 400, `{"advance":"soon"}`: 400, `{}`: 400, `{"advance":"8784h"}`: 200} {
		if code := post(t, s, "/_redoubt/clock", body, s.ControlToken); code != want {
			t.Errorf("%s: %d", body, code)
		}
	}
	// The key's 30 days are over.
	redoubttest.Eventually(t, func() error {
		_, err := keys.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: id})
		var gone *types.NotFoundException
		if errors.As(err, &gone) {
			return nil
		}
		return errors.New("the key is still there")
	})

	if code := post(t, s, "/_redoubt/reset", "", s.ControlToken); code != http.StatusOK {
		t.Fatal(code)
	}
	list, err := keys.ListKeys(t.Context(), nil)
	if err != nil || len(list.Keys) != 0 {
		t.Fatalf("%v %v", list, err)
	}
	if _, err := iam.NewFromConfig(s.Admin.With("us-east-1", "123456789012", "any", "")).GetUser(t.Context(), &iam.GetUserInput{UserName: new("admin")}); err != nil {
		t.Errorf("the first account was not made again: %v", err)
	}
}

// In production neither endpoint exists, and an unknown key is nobody.
func TestProductionHasNoDevDoors(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{})
	if code := post(t, s, "/_redoubt/reset", "", s.ControlToken); code != http.StatusNotFound {
		t.Errorf("reset: %d", code)
	}
	_, err := sts.NewFromConfig(s.Admin.With("us-east-1", "123456789012", "any", "")).GetCallerIdentity(context.Background(), nil)
	if err == nil || !strings.Contains(err.Error(), "InvalidClientTokenId") {
		t.Errorf("%v", err)
	}
}

func TestQuotasThrottle(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.Quotas = map[string]float64{"kms:ListKeys": 1} }})
	keys := kms.NewFromConfig(s.Admin.Config("us-east-1"))
	var last error
	for range 3 {
		if _, last = keys.ListKeys(t.Context(), nil); last != nil {
			break
		}
	}
	if last == nil || !strings.Contains(last.Error(), "ThrottlingException") {
		t.Fatalf("%v", last)
	}
}
