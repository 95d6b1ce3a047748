package secretsmanager_test

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

func lists(s *suite) {
	for i, name := range []string{"prod/db", "prod/api", "dev/db"} {
		_, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{
			Name: &name, SecretString: aws.String("x"), Description: aws.String([]string{"Main database", "partner API", "Main database, small"}[i]),
			Tags: []types.Tag{{Key: aws.String("Team"), Value: aws.String([]string{"core", "web", "core"}[i])}},
		})
		must(s, err)
		s.Clock.Advance(time.Second)
	}
	_, err := s.sm.DeleteSecret(s.ctx, &sm.DeleteSecretInput{SecretId: aws.String(*s.create("old", "x").ARN)})
	must(s, err)
	list := func(in *sm.ListSecretsInput) []string {
		s.Helper()
		var names []string
		p := sm.NewListSecretsPaginator(s.sm, in)
		for p.HasMorePages() {
			out, err := p.NextPage(s.ctx)
			must(s, err)
			for _, e := range out.SecretList {
				names = append(names, *e.Name)
			}
		}
		return names
	}
	filter := func(key types.FilterNameStringType, values ...string) *sm.ListSecretsInput {
		return &sm.ListSecretsInput{Filters: []types.Filter{{Key: key, Values: values}}}
	}
	s.is(list(&sm.ListSecretsInput{}), []string{"prod/db", "prod/api", "dev/db"})
	s.is(list(&sm.ListSecretsInput{MaxResults: aws.Int32(1)}), []string{"prod/db", "prod/api", "dev/db"})
	s.is(list(&sm.ListSecretsInput{MaxResults: aws.Int32(2), SortBy: types.SortByTypeName, SortOrder: types.SortOrderTypeDesc}), []string{"prod/db", "prod/api", "dev/db"})
	s.is(list(&sm.ListSecretsInput{SortBy: types.SortByTypeName}), []string{"dev/db", "prod/api", "prod/db"})
	s.is(list(&sm.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)}), []string{"prod/db", "prod/api", "dev/db", "old"})
	s.is(list(filter("name", "prod/")), []string{"prod/db", "prod/api"})
	s.is(list(filter("name", "Prod")), []string{})
	s.is(list(filter("name", "!prod/")), []string{"dev/db"})
	s.is(list(filter("description", "main")), []string{"prod/db", "dev/db"})
	s.is(list(filter("tag-key", "Tea")), []string{"prod/db", "prod/api", "dev/db"})
	s.is(list(filter("tag-value", "web", "none")), []string{"prod/api"})
	s.is(list(filter("all", "DATABASE small")), []string{"dev/db"})
	s.is(list(filter("owning-service", "rds")), []string{})
	both := filter("name", "prod")
	both.Filters = append(both.Filters, types.Filter{Key: "tag-value", Values: []string{"core"}})
	s.is(list(both), []string{"prod/db"})
}

func batch(s *suite) {
	one, two := s.create("b/one", "1"), s.create("b/two", "2")
	s.create("c", "3")
	out, err := s.sm.BatchGetSecretValue(s.ctx, &sm.BatchGetSecretValueInput{SecretIdList: []string{"b/one", *two.ARN, "none"}})
	must(s, err)
	s.is(len(out.SecretValues), 2)
	s.is(*out.SecretValues[1].SecretString, "2")
	s.is(*out.Errors[0].ErrorCode+*out.Errors[0].SecretId, "ResourceNotFoundExceptionnone")

	page, err := s.sm.BatchGetSecretValue(s.ctx, &sm.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{"b/"}}}, MaxResults: aws.Int32(1)})
	must(s, err)
	s.is(len(page.SecretValues), 1)
	page, err = s.sm.BatchGetSecretValue(s.ctx, &sm.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{"b/"}}}, MaxResults: aws.Int32(1), NextToken: page.NextToken})
	must(s, err)
	s.is(*page.SecretValues[0].Name, "b/two")

	_, err = s.sm.BatchGetSecretValue(s.ctx, &sm.BatchGetSecretValueInput{})
	refused(s, err, "InvalidParameterException", "Either 'SecretIdList' or 'Filters' must be provided, but not both.")

	// Each secret for itself.
	partly := sm.NewFromConfig(s.user("partly", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:BatchGetSecretValue","Resource":"*"},
		{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"`+*one.ARN+`"}]}`))
	out, err = partly.BatchGetSecretValue(s.ctx, &sm.BatchGetSecretValueInput{SecretIdList: []string{"b/one", "b/two", "none"}})
	must(s, err)
	s.is(len(out.SecretValues), 1)
	s.is(*out.Errors[0].ErrorCode, "AccessDeniedException")
	s.is(*out.Errors[1].ErrorCode, "AccessDeniedException")
	_, err = partly.BatchGetSecretValue(s.ctx, &sm.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{"b/"}}}})
	refused(s, err, "AccessDeniedException", "secretsmanager:ListSecrets")
}

func passwords(s *suite) {
	get := func(in *sm.GetRandomPasswordInput) string {
		s.Helper()
		out, err := s.sm.GetRandomPassword(s.ctx, in)
		must(s, err)
		return *out.RandomPassword
	}
	p := get(&sm.GetRandomPasswordInput{})
	if len(p) != 32 || !strings.ContainsAny(p, "0123456789") || !strings.ContainsAny(p, "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") || p == get(&sm.GetRandomPasswordInput{}) {
		s.Error(p)
	}
	p = get(&sm.GetRandomPasswordInput{PasswordLength: aws.Int64(4096), ExcludeCharacters: aws.String("/@\"'\\aZ0"), ExcludeLowercase: aws.Bool(true), IncludeSpace: aws.Bool(true)})
	if len(p) != 4096 || strings.ContainsAny(p, "/@\"'\\abcdefgZ0") || !strings.Contains(p, " ") {
		s.Error(p)
	}
	s.is(len(get(&sm.GetRandomPasswordInput{PasswordLength: aws.Int64(1), RequireEachIncludedType: aws.Bool(false)})), 1)
	s.is(len(get(&sm.GetRandomPasswordInput{PasswordLength: aws.Int64(4), IncludeSpace: aws.Bool(true)})), 4)
	_, err := s.sm.GetRandomPassword(s.ctx, &sm.GetRandomPasswordInput{PasswordLength: aws.Int64(3)})
	refused(s, err, "InvalidParameterException", "too short")
	noDigits := &sm.GetRandomPasswordInput{ExcludeCharacters: aws.String("0123456789")}
	_, err = s.sm.GetRandomPassword(s.ctx, noDigits)
	refused(s, err, "InvalidParameterException", "of the desired type")
	noDigits.RequireEachIncludedType = aws.Bool(false)
	s.is(strings.ContainsAny(get(noDigits), "0123456789"), false)
	_, err = s.sm.GetRandomPassword(s.ctx, &sm.GetRandomPasswordInput{ExcludeLowercase: aws.Bool(true), ExcludeUppercase: aws.Bool(true), ExcludeNumbers: aws.Bool(true), ExcludePunctuation: aws.Bool(true)})
	refused(s, err, "InvalidParameterException", "")
}

func limits(s *suite) {
	big := strings.Repeat("x", 65536)
	s.create("big", big)
	s.is(s.value("big", "") == big, true)
	_, err := s.sm.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: aws.String("big"), SecretString: aws.String(big + "x")})
	refused(s, err, "ValidationException", "length less than or equal to 65536")
}

func accessed(s *suite) {
	made := s.create("seen", "x")
	if s.describe("seen").LastAccessedDate != nil {
		s.Error("accessed before it was read")
	}
	s.value("seen", "")
	today := s.Clock.Now().Truncate(24 * time.Hour)
	s.is(s.describe("seen").LastAccessedDate.Equal(today), true)
	s.Clock.Advance(24 * time.Hour)
	s.value(*made.ARN, "")
	s.is(s.describe("seen").LastAccessedDate.Equal(today.Add(24*time.Hour)), true)
	out, err := s.sm.ListSecretVersionIds(s.ctx, &sm.ListSecretVersionIdsInput{SecretId: made.ARN})
	must(s, err)
	s.is(out.Versions[0].LastAccessedDate.Equal(today.Add(24*time.Hour)), true)
}

func tags(s *suite) {
	s.create("tagged", "x")
	tag := func(c *sm.Client, k, v string) error {
		_, err := c.TagResource(s.ctx, &sm.TagResourceInput{SecretId: aws.String("tagged"), Tags: []types.Tag{{Key: &k, Value: &v}}})
		return err
	}
	must(s, tag(s.sm, "team", "core"))
	must(s, tag(s.sm, "env", "prod"))
	must(s, tag(s.sm, "team", "web"))
	d := s.describe("tagged")
	s.is(len(d.Tags), 2)
	s.is(*d.Tags[0].Value, "web")
	refused(s, tag(s.sm, "aws:x", "y"), "InvalidParameterException", "")
	byTag := sm.NewFromConfig(s.user("bytag", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*","Condition":{"StringEquals":{"secretsmanager:ResourceTag/team":"web"}}}]}`))
	must(s, tag(byTag, "more", "1"))
	refused(s, tag(byTag, "team", "core"), "AccessDeniedException", "") // it would shut itself out
	_, err := byTag.UntagResource(s.ctx, &sm.UntagResourceInput{SecretId: aws.String("tagged"), TagKeys: []string{"team"}})
	refused(s, err, "AccessDeniedException", "")
	_, err = s.sm.UntagResource(s.ctx, &sm.UntagResourceInput{SecretId: aws.String("tagged"), TagKeys: []string{"team", "none"}})
	must(s, err)
	s.is(len(s.describe("tagged").Tags), 2)
}
