package secretsmanager_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// The suite talks to a whole server over HTTP with AWS's own SDK. All tests share
// the server, each in an account of its own.

const (
	home = "us-east-1"
	away = "eu-west-1"
)

type suite struct {
	*testing.T
	*redoubttest.Server
	account *redoubttest.Account
	sm      *sm.Client
	kms     *kms.Client
	ctx     context.Context
}

func TestSecretsManager(t *testing.T) {
	server := redoubttest.Start(t, redoubttest.Options{})
	for name, test := range map[string]func(*suite){
		"Life": life, "Names": names, "Versions": versionsTest, "Stages": stages, "Tokens": tokens, "Sweep": sweep,
		"Deletion": deletion, "Lists": lists, "Batch": batch, "Passwords": passwords, "Policies": policies,
		"Replicas": replicas, "Keys": keys, "KeyFaults": keyFaults, "Tags": tags, "Limits": limits, "Accessed": accessed,
		"RotationRefusals": rotationRefusals,
	} {
		t.Run(name, func(t *testing.T) {
			test(newSuite(t, server))
		})
	}
}

func newSuite(t *testing.T, server *redoubttest.Server) *suite {
	a := server.NewAccount(t)
	return &suite{T: t, Server: server, account: a, sm: sm.NewFromConfig(a.Config(home)), kms: kms.NewFromConfig(a.Config(home)), ctx: t.Context()}
}

func (s *suite) in(region string) *sm.Client { return sm.NewFromConfig(s.account.Config(region)) }

// user is a client of an IAM user with a policy.
func (s *suite) user(name, policy string) aws.Config {
	s.Helper()
	return newUser(s.T, s.account, name, policy)
}

func newUser(t *testing.T, a *redoubttest.Account, name, policy string) aws.Config {
	t.Helper()
	c := iam.NewFromConfig(a.Config(home))
	_, err := c.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
	must(t, err)
	if policy != "" {
		_, err = c.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy})
		must(t, err)
	}
	k, err := c.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	must(t, err)
	return a.With(home, *k.AccessKey.AccessKeyId, *k.AccessKey.SecretAccessKey, "")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks code and, unless it is empty, the text of a refusal.
func refused(t testing.TB, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || !strings.Contains(e.ErrorMessage(), text) {
		t.Errorf("got %v, want %s %q", err, code, text)
	}
}

func allow(actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"*"}]}`, strings.Join(actions, `","`))
}

func (s *suite) create(name, text string) *sm.CreateSecretOutput {
	s.Helper()
	out, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: &name, SecretString: &text})
	must(s, err)
	return out
}

func (s *suite) put(id, text string, stages ...string) string {
	s.Helper()
	out, err := s.sm.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: &id, SecretString: &text, VersionStages: stages})
	must(s, err)
	return *out.VersionId
}

// value reads a secret: by stage if one is given.
func (s *suite) value(id, stage string) string {
	s.Helper()
	in := &sm.GetSecretValueInput{SecretId: &id}
	if stage != "" {
		in.VersionStage = &stage
	}
	out, err := s.sm.GetSecretValue(s.ctx, in)
	must(s, err)
	return aws.ToString(out.SecretString)
}

func (s *suite) is(got, want any) {
	s.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("got %v, want %v", got, want)
	}
}

func (s *suite) describe(id string) *sm.DescribeSecretOutput {
	s.Helper()
	out, err := s.sm.DescribeSecret(s.ctx, &sm.DescribeSecretInput{SecretId: &id})
	must(s, err)
	return out
}

func life(s *suite) {
	made := s.create("prod/db", "hunter2")
	if !regexp.MustCompile(`^arn:aws:secretsmanager:us-east-1:` + s.account.ID + `:secret:prod/db-[A-Za-z0-9]{6}$`).MatchString(*made.ARN) {
		s.Error(*made.ARN)
	}
	got, err := s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("prod/db")})
	must(s, err)
	s.is(*got.SecretString, "hunter2")
	s.is(got.VersionStages, []string{"AWSCURRENT"})
	s.is(*got.VersionId, *made.VersionId)

	_, err = s.sm.UpdateSecret(s.ctx, &sm.UpdateSecretInput{SecretId: made.ARN, SecretString: aws.String("hunter3"), Description: aws.String("the database")})
	must(s, err)
	s.is(s.value("prod/db", ""), "hunter3")
	s.is(s.value("prod/db", "AWSPREVIOUS"), "hunter2")
	d := s.describe("prod/db")
	s.is(*d.Description, "the database")
	s.is(len(d.VersionIdsToStages), 2)
	if d.KmsKeyId != nil || d.RotationEnabled != nil || d.NextRotationDate != nil || d.Tags != nil || d.DeletedDate != nil || d.PrimaryRegion != nil || d.ReplicationStatus != nil {
		s.Errorf("%+v", d)
	}

	bin, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("bin"), SecretBinary: []byte{0, 1, 2, 255}})
	must(s, err)
	got, err = s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: bin.ARN})
	must(s, err)
	if got.SecretString != nil || !slices.Equal(got.SecretBinary, []byte{0, 1, 2, 255}) {
		s.Errorf("%+v", got)
	}

	empty, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("empty")})
	must(s, err)
	if empty.VersionId != nil || s.describe("empty").VersionIdsToStages != nil {
		s.Error("a secret without a value has a version")
	}
	_, err = s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: empty.ARN})
	refused(s, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT")

	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("prod/db"), SecretString: aws.String("x")})
	refused(s, err, "ResourceExistsException", "The operation failed because the secret prod/db already exists.")
	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("a b"), SecretString: aws.String("x")})
	refused(s, err, "ValidationException", "Invalid name.")
	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("both"), SecretString: aws.String("x"), SecretBinary: []byte("x")})
	refused(s, err, "InvalidParameterException", "")
	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("partner"), Type: aws.String("Salesforce")})
	refused(s, err, "InvalidParameterException", "")
}

func names(s *suite) {
	made := s.create("app/key", "v")
	arn := *made.ARN
	s.is(s.value(arn[:len(arn)-7], ""), "v") // partial
	for _, id := range []string{arn[:len(arn)-1] + "_", arn[:len(arn)-6] + "AAAAAA", "app/ke", strings.Replace(arn, home, away, 1), "arn:aws:s3:::x", "arn:aws:secretsmanager:us-east-1:12:secret:x"} {
		_, err := s.sm.DescribeSecret(s.ctx, &sm.DescribeSecretInput{SecretId: &id})
		refused(s, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	// A name that looks like the end of an ARN: by name and full ARN, not by part.
	odd := s.create("odd-abcdef", "w")
	s.is(s.value("odd-abcdef", ""), "w")
	s.is(s.value(*odd.ARN, ""), "w")
	_, err := s.sm.DescribeSecret(s.ctx, &sm.DescribeSecretInput{SecretId: aws.String((*odd.ARN)[:len(*odd.ARN)-7])})
	refused(s, err, "ResourceNotFoundException", "")

	// Whoever may do nothing learns nothing.
	nobody := sm.NewFromConfig(s.user("nobody", ""))
	_, err = nobody.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("app/key")})
	_, err2 := nobody.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("app/kez")})
	refused(s, err, "AccessDeniedException", "resource: app/key because no identity-based policy allows the secretsmanager:GetSecretValue action")
	refused(s, err2, "AccessDeniedException", "resource: app/kez because no identity-based policy allows the secretsmanager:GetSecretValue action")
	some := sm.NewFromConfig(s.user("some", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"arn:aws:secretsmanager:*:*:secret:app/*"}]}`))
	_, err = some.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("app/key")})
	must(s, err)
	_, err = some.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("app/none")})
	refused(s, err, "ResourceNotFoundException", "")
	stage := sm.NewFromConfig(s.user("stage", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*","Condition":{"StringEquals":{"secretsmanager:VersionStage":"AWSCURRENT"}}}]}`))
	_, err = stage.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("app/key")})
	must(s, err)
	_, err = stage.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("app/key"), VersionStage: aws.String("AWSPREVIOUS")})
	refused(s, err, "AccessDeniedException", "")
}

func versionsTest(s *suite) {
	first := *s.create("v", "1").VersionId
	second := s.put("v", "2")
	custom := s.put("v", "3", "MINE")
	s.is(s.value("v", ""), "2")
	s.is(s.value("v", "MINE"), "3")
	s.is(s.value("v", "AWSPREVIOUS"), "1")
	fourth := s.put("v", "4")

	out, err := s.sm.ListSecretVersionIds(s.ctx, &sm.ListSecretVersionIdsInput{SecretId: aws.String("v")})
	must(s, err)
	s.is(len(out.Versions), 3) // the first has no label any more
	for _, v := range out.Versions {
		if *v.VersionId == first {
			s.Error("an unlabelled version is listed")
		}
		s.is(v.KmsKeyIds, []string{"DefaultEncryptionKey"})
	}
	out, err = s.sm.ListSecretVersionIds(s.ctx, &sm.ListSecretVersionIdsInput{SecretId: aws.String("v"), IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(3)})
	must(s, err)
	more, err := s.sm.ListSecretVersionIds(s.ctx, &sm.ListSecretVersionIdsInput{SecretId: aws.String("v"), IncludeDeprecated: aws.Bool(true), MaxResults: aws.Int32(3), NextToken: out.NextToken})
	must(s, err)
	var ids []string
	for _, v := range append(out.Versions, more.Versions...) {
		ids = append(ids, *v.VersionId)
	}
	s.is(ids, []string{fourth, custom, second, first})
	if more.NextToken != nil {
		s.Error("there is a third page")
	}
	_, err = s.sm.ListSecretVersionIds(s.ctx, &sm.ListSecretVersionIdsInput{SecretId: aws.String("v"), NextToken: aws.String("AAAA")})
	refused(s, err, "InvalidNextTokenException", "")

	got, err := s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("v"), VersionId: &first})
	must(s, err)
	if *got.SecretString != "1" || got.VersionStages != nil {
		s.Errorf("%+v", got)
	}
	_, err = s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("v"), VersionId: &first, VersionStage: aws.String("MINE")})
	refused(s, err, "InvalidRequestException", "You provided a VersionStage that is not associated to the provided VersionId.")
	_, err = s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("v"), VersionId: aws.String(strings.Repeat("0", 32))})
	refused(s, err, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for VersionId: 000")
	_, err = s.sm.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: aws.String("v")})
	refused(s, err, "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
}

func stages(s *suite) {
	a := *s.create("s", "a").VersionId
	b := s.put("s", "b")
	move := func(stage, from, to string) error {
		in := &sm.UpdateSecretVersionStageInput{SecretId: aws.String("s"), VersionStage: &stage}
		if from != "" {
			in.RemoveFromVersionId = &from
		}
		if to != "" {
			in.MoveToVersionId = &to
		}
		_, err := s.sm.UpdateSecretVersionStage(s.ctx, in)
		return err
	}
	refused(s, move("AWSCURRENT", "", a), "InvalidParameterException", "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "+b)
	refused(s, move("AWSCURRENT", a, a), "InvalidParameterException", "")
	refused(s, move("AWSCURRENT", b, ""), "InvalidParameterException", "You can only move staging label AWSCURRENT to a different secret version.")
	must(s, move("AWSCURRENT", b, a)) // back
	s.is(s.value("s", ""), "a")
	s.is(s.value("s", "AWSPREVIOUS"), "b")
	must(s, move("GREEN", "", b))
	s.is(s.value("s", "GREEN"), "b")
	must(s, move("GREEN", b, ""))
	_, err := s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: aws.String("s"), VersionStage: aws.String("GREEN")})
	refused(s, err, "ResourceNotFoundException", "staging label: GREEN")
	refused(s, move("X", "", strings.Repeat("1", 32)), "ResourceNotFoundException", "VersionId")
	for i := range 18 {
		must(s, move(fmt.Sprint("L", i), "", a))
	}
	refused(s, move("L18", "", a), "LimitExceededException", "")
}

func tokens(s *suite) {
	token := "11111111-2222-3333-4444-555555555555"
	in := &sm.CreateSecretInput{Name: aws.String("t"), SecretString: aws.String("v"), ClientRequestToken: &token}
	one, err := s.sm.CreateSecret(s.ctx, in)
	must(s, err)
	two, err := s.sm.CreateSecret(s.ctx, in)
	must(s, err)
	s.is(*two.ARN, *one.ARN)
	s.is(*two.VersionId, token)
	in.SecretString = aws.String("w")
	_, err = s.sm.CreateSecret(s.ctx, in)
	refused(s, err, "ResourceExistsException", "You can't use ClientRequestToken "+token+" because that value is already in use for a version of secret "+*one.ARN+".")

	again := &sm.PutSecretValueInput{SecretId: aws.String("t"), SecretString: aws.String("v"), ClientRequestToken: &token}
	_, err = s.sm.PutSecretValue(s.ctx, again)
	must(s, err)
	again.SecretString = aws.String("w")
	_, err = s.sm.PutSecretValue(s.ctx, again)
	refused(s, err, "ResourceExistsException", "You can't use ClientRequestToken")
	_, err = s.sm.UpdateSecret(s.ctx, &sm.UpdateSecretInput{SecretId: aws.String("t"), SecretString: aws.String("w"), ClientRequestToken: &token})
	refused(s, err, "ResourceExistsException", "")
	s.is(len(s.describe("t").VersionIdsToStages), 1)
}

func sweep(s *suite) {
	s.create("many", "0")
	for i := range 104 {
		s.put("many", fmt.Sprint(i+1))
	}
	count := func() int {
		n := 0
		p := sm.NewListSecretVersionIdsPaginator(s.sm, &sm.ListSecretVersionIdsInput{SecretId: aws.String("many"), IncludeDeprecated: aws.Bool(true)})
		for p.HasMorePages() {
			out, err := p.NextPage(s.ctx)
			must(s, err)
			n += len(out.Versions)
		}
		return n
	}
	s.is(count(), 105)
	s.Clock.Advance(23 * time.Hour)
	s.is(count(), 105)
	s.Clock.Advance(2 * time.Hour)
	redoubttest.Eventually(s, func() error {
		if n := count(); n != 100 {
			return fmt.Errorf("%d versions", n)
		}
		return nil
	})
	s.is(s.value("many", ""), "104")
	s.is(s.value("many", "AWSPREVIOUS"), "103")
}

func deletion(s *suite) {
	made := s.create("gone", "v")
	del := func(days int64, force bool) error {
		in := &sm.DeleteSecretInput{SecretId: aws.String("gone")}
		if days != 0 {
			in.RecoveryWindowInDays = &days
		}
		if force {
			in.ForceDeleteWithoutRecovery = &force
		}
		_, err := s.sm.DeleteSecret(s.ctx, in)
		return err
	}
	refused(s, del(6, false), "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	refused(s, del(31, false), "InvalidParameterException", "")
	refused(s, del(7, true), "InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	must(s, del(7, false))
	_, err := s.sm.GetSecretValue(s.ctx, &sm.GetSecretValueInput{SecretId: made.ARN})
	refused(s, err, "InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("gone"), SecretString: aws.String("x")})
	refused(s, err, "InvalidRequestException", "You can't create this secret because a secret with this name is already scheduled for deletion.")
	if s.describe("gone").DeletedDate == nil {
		s.Error("no DeletedDate")
	}
	_, err = s.sm.RestoreSecret(s.ctx, &sm.RestoreSecretInput{SecretId: made.ARN})
	must(s, err)
	s.is(s.value("gone", ""), "v")
	s.Clock.Advance(8 * 24 * time.Hour)
	s.is(s.value("gone", ""), "v") // the plan was taken back

	must(s, del(0, false))
	s.Clock.Advance(29 * 24 * time.Hour)
	s.describe("gone")
	s.Clock.Advance(2 * 24 * time.Hour)
	redoubttest.Eventually(s, func() error {
		_, err := s.sm.DescribeSecret(s.ctx, &sm.DescribeSecretInput{SecretId: made.ARN})
		var absent *types.ResourceNotFoundException
		if !errors.As(err, &absent) {
			return fmt.Errorf("still there: %v", err)
		}
		return nil
	})
	again := s.create("gone", "new")
	if *again.ARN == *made.ARN {
		s.Error("the same ARN twice")
	}
	_, err = s.sm.DescribeSecret(s.ctx, &sm.DescribeSecretInput{SecretId: made.ARN})
	refused(s, err, "ResourceNotFoundException", "")
	must(s, del(0, true))
	must(s, del(0, true)) // absent, and no error
	refused(s, del(0, false), "ResourceNotFoundException", "")
}
