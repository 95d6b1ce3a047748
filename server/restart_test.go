package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// world is everything that a client can read back, as JSON by question.
func world(t *testing.T, a *redoubttest.Account) map[string]string {
	t.Helper()
	out := map[string]string{}
	ask := func(name string, answer any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b, err := json.MarshalIndent(answer, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		json.Unmarshal(b, &m)
		delete(m, "ResultMetadata")
		b, _ = json.MarshalIndent(m, "", " ")
		out[name] = string(b)
	}
	ctx := t.Context()
	keys := kms.NewFromConfig(a.Config("us-east-1"))
	list, err := keys.ListKeys(ctx, nil)
	ask("keys", list, err)
	for _, k := range list.Keys {
		d, err := keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: k.KeyId})
		ask("describe "+*k.KeyId, d, err)
		p, err := keys.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: k.KeyId})
		ask("policy "+*k.KeyId, p, err)
		g, err := keys.ListGrants(ctx, &kms.ListGrantsInput{KeyId: k.KeyId})
		ask("grants "+*k.KeyId, g, err)
		tags, err := keys.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: k.KeyId})
		ask("tags "+*k.KeyId, tags, err)
		if d.KeyMetadata.KeySpec == types.KeySpecSymmetricDefault {
			r, err := keys.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: k.KeyId})
			ask("rotation "+*k.KeyId, r, err)
			rs, err := keys.ListKeyRotations(ctx, &kms.ListKeyRotationsInput{KeyId: k.KeyId})
			ask("rotations "+*k.KeyId, rs, err)
		} else {
			p, err := keys.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: k.KeyId})
			ask("public "+*k.KeyId, p, err)
		}
	}
	aliases, err := keys.ListAliases(ctx, nil)
	ask("aliases", aliases, err)
	details, err := iam.NewFromConfig(a.Config("us-east-1")).GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{
		Filter: []iamtypes.EntityType{"User", "Role", "Group", "LocalManagedPolicy"},
	})
	ask("identity", details, err)
	trails, err := cloudtrail.NewFromConfig(a.Config("us-east-1")).DescribeTrails(ctx, nil)
	ask("trails", trails, err)
	return out
}

// TestNothingChangesAcrossARestart fills an account, restarts the server, and
// reads everything back.
func TestNothingChangesAcrossARestart(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{Store: "pebble"})
	ctx := t.Context()
	keys := kms.NewFromConfig(s.Admin.Config("us-east-1"))
	users := iam.NewFromConfig(s.Admin.Config("us-east-1"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var blobs [][]byte
	for i, spec := range []types.KeySpec{types.KeySpecSymmetricDefault, types.KeySpecSymmetricDefault, types.KeySpecRsa2048, types.KeySpecEccNistP256} {
		in := &kms.CreateKeyInput{KeySpec: spec, Description: aws.String(fmt.Sprint("key ", i)), Tags: []types.Tag{{TagKey: aws.String("n"), TagValue: aws.String(fmt.Sprint(i))}}}
		if spec != types.KeySpecSymmetricDefault {
			in.KeyUsage = types.KeyUsageTypeSignVerify
		}
		k, err := keys.CreateKey(ctx, in)
		must(err)
		id := k.KeyMetadata.KeyId
		_, err = keys.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String(fmt.Sprint("alias/k", i)), TargetKeyId: id})
		must(err)
		if spec == types.KeySpecSymmetricDefault {
			e, err := keys.Encrypt(ctx, &kms.EncryptInput{KeyId: id, Plaintext: []byte("before the restart")})
			must(err)
			blobs = append(blobs, e.CiphertextBlob)
			_, err = keys.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: id})
			must(err)
			_, err = keys.RotateKeyOnDemand(ctx, &kms.RotateKeyOnDemandInput{KeyId: id})
			must(err)
			redoubttest.Eventually(t, func() error {
				st, err := keys.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: id})
				if err == nil && st.OnDemandRotationStartDate != nil {
					return fmt.Errorf("still rotating")
				}
				return err
			})
		}
	}
	k, err := keys.CreateKey(ctx, nil)
	must(err)
	_, err = keys.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: k.KeyMetadata.KeyId, PendingWindowInDays: aws.Int32(7)})
	must(err)
	_, err = users.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice"), Path: aws.String("/team/")})
	must(err)
	_, err = users.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("p"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)})
	must(err)
	_, err = users.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("ops"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`)})
	must(err)
	session, err := sts.NewFromConfig(s.Admin.Config("us-east-1")).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/ops"), RoleSessionName: aws.String("s1")})
	must(err)

	before := world(t, s.Admin)
	s = s.Restart(t)
	after := world(t, s.Admin)
	for q, a := range before {
		if after[q] != a {
			t.Errorf("%s: was\n%s\nis\n%s", q, a, after[q])
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d answers, then %d", len(before), len(after))
	}
	keys = kms.NewFromConfig(s.Admin.Config("us-east-1"))
	for _, b := range blobs {
		d, err := keys.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: b})
		must(err)
		if string(d.Plaintext) != "before the restart" {
			t.Errorf("%q", d.Plaintext)
		}
	}
	c := session.Credentials
	who, err := sts.NewFromConfig(s.Admin.With("us-east-1", *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)).GetCallerIdentity(context.Background(), nil)
	must(err)
	if *who.Arn != "arn:aws:sts::123456789012:assumed-role/ops/s1" {
		t.Errorf("the session is now %s", *who.Arn)
	}
	// The timetable goes on: the key's week ends.
	s.Clock.Advance(8 * 24 * 3600 * 1e9)
	redoubttest.Eventually(t, func() error {
		if _, err := keys.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: k.KeyMetadata.KeyId}); err != nil {
			return nil
		}
		return fmt.Errorf("the key is still there")
	})
}
