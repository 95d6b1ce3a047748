package ssm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

// The suite talks to a whole server over HTTP with AWS's own SDK.

const region = "us-east-1"

// suite is one account on a server that all tests share.
type suite struct {
	*testing.T
	*redoubttest.Server
	account *redoubttest.Account
	ssm     *ssm.Client
	kms     *kms.Client
	iam     *iam.Client
	ctx     context.Context
}

func (s *suite) as(a *redoubttest.Account) *suite {
	c := a.Config(region)
	return &suite{s.T, s.Server, a, ssm.NewFromConfig(c), kms.NewFromConfig(c), iam.NewFromConfig(c), s.T.Context()}
}

// TestParameterStore runs the tests one after the other, each in an account of its
// own.
func TestParameterStore(t *testing.T) {
	server := redoubttest.Start(t, redoubttest.Options{})
	for _, x := range []struct {
		name string
		run  func(*suite)
	}{
		{"Article", article}, {"Names", names}, {"Put", put}, {"Tiers", tiers}, {"DefaultTier", defaultTier}, {"Versions", versions}, {"Selectors", selectors},
		{"Labels", labels}, {"History", history}, {"SecureString", secureString}, {"Keys", keys}, {"Batches", batches}, {"ByPath", byPath}, {"ByPathRights", byPathRights},
		{"Describe", describe}, {"Filters", filters}, {"BadFilters", badFilters}, {"Pages", pages}, {"Tags", tags}, {"Settings", settings},
		{"Policies", policies}, {"BadPolicies", badPolicies}, {"Shares", shares}, {"BadShares", badShares}, {"Rights", rights}, {"SideBySide", sideBySide},
		{"Audit", audit}, {"Secrets", secrets},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := &suite{T: t, Server: server}
			x.run(s.as(server.NewAccount(t)))
		})
	}
}

// put puts a String, or what change makes of it.
func (s *suite) put(name, text string, change ...func(*ssm.PutParameterInput)) *ssm.PutParameterOutput {
	s.Helper()
	out, err := s.tryPut(name, text, change...)
	if err != nil {
		s.Fatalf("PutParameter %s: %v", name, err)
	}
	return out
}

func (s *suite) tryPut(name, text string, change ...func(*ssm.PutParameterInput)) (*ssm.PutParameterOutput, error) {
	in := &ssm.PutParameterInput{Name: &name, Value: &text, Type: types.ParameterTypeString}
	for _, f := range change {
		f(in)
	}
	return s.ssm.PutParameter(s.ctx, in)
}

func overwrite(in *ssm.PutParameterInput)   { in.Overwrite = aws.Bool(true) }
func secure(in *ssm.PutParameterInput)      { in.Type = types.ParameterTypeSecureString }
func advanced(in *ssm.PutParameterInput)    { in.Tier = types.ParameterTierAdvanced }
func intelligent(in *ssm.PutParameterInput) { in.Tier = types.ParameterTierIntelligentTiering }
func untyped(in *ssm.PutParameterInput)     { in.Type = "" }
func key(id string) func(*ssm.PutParameterInput) {
	return func(in *ssm.PutParameterInput) { in.KeyId = &id }
}

func (s *suite) get(name string) *types.Parameter {
	s.Helper()
	p, err := s.tryGet(name, true)
	if err != nil {
		s.Fatalf("GetParameter %s: %v", name, err)
	}
	return p
}

func (s *suite) tryGet(name string, decrypt bool) (*types.Parameter, error) {
	out, err := s.ssm.GetParameter(s.ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: &decrypt})
	if err != nil {
		return nil, err
	}
	return out.Parameter, nil
}

// describe answers the metadata of one parameter.
func (s *suite) describe(name string) types.ParameterMetadata {
	s.Helper()
	list := s.described(filter("Name", "Equals", name))
	if len(list) != 1 {
		s.Fatalf("%d parameters %s", len(list), name)
	}
	return list[0]
}

func filter(key, option string, values ...string) types.ParameterStringFilter {
	f := types.ParameterStringFilter{Key: &key, Values: values}
	if option != "" {
		f.Option = &option
	}
	return f
}

// described are all pages of DescribeParameters.
func (s *suite) described(f ...types.ParameterStringFilter) []types.ParameterMetadata {
	s.Helper()
	var list []types.ParameterMetadata
	p := ssm.NewDescribeParametersPaginator(s.ssm, &ssm.DescribeParametersInput{ParameterFilters: f})
	for p.HasMorePages() {
		out, err := p.NextPage(s.ctx)
		if err != nil {
			s.Fatal(err)
		}
		list = append(list, out.Parameters...)
	}
	return list
}

// found are the names that filters find, in order.
func (s *suite) found(f ...types.ParameterStringFilter) string {
	s.Helper()
	var list []string
	for _, p := range s.described(f...) {
		list = append(list, *p.Name)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// below are the names below a path, in order.
func (s *suite) below(path string, recursive bool, f ...types.ParameterStringFilter) string {
	s.Helper()
	var list []string
	p := ssm.NewGetParametersByPathPaginator(s.ssm, &ssm.GetParametersByPathInput{Path: &path, Recursive: &recursive, ParameterFilters: f})
	for p.HasMorePages() {
		out, err := p.NextPage(s.ctx)
		if err != nil {
			s.Fatal(err)
		}
		for _, x := range out.Parameters {
			list = append(list, *x.Name)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func (s *suite) arn(name string) string {
	return "arn:aws:ssm:" + region + ":" + s.account.ID + ":parameter/" + strings.TrimPrefix(name, "/")
}

// user makes an IAM user with one policy.
func (s *suite) user(name, policy string) *suite {
	s.Helper()
	if _, err := s.iam.CreateUser(s.ctx, &iam.CreateUserInput{UserName: &name}); err != nil {
		s.Fatal(err)
	}
	k, err := s.iam.CreateAccessKey(s.ctx, &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		s.Fatal(err)
	}
	if policy != "" {
		if _, err := s.iam.PutUserPolicy(s.ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &policy}); err != nil {
			s.Fatal(err)
		}
	}
	c := s.account.With(region, *k.AccessKey.AccessKeyId, *k.AccessKey.SecretAccessKey, "")
	return &suite{s.T, s.Server, s.account, ssm.NewFromConfig(c), kms.NewFromConfig(c), iam.NewFromConfig(c), s.ctx}
}

func allow(resource string, actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":"%s"}]}`, strings.Join(actions, `","`), resource)
}

// refused checks code and, unless it is "*", the beginning of the message.
func (s *suite) refused(err error, code, message string) {
	s.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || message != "*" && !strings.HasPrefix(e.ErrorMessage(), message) {
		s.Errorf("got %v, want %s %q", err, code, message)
	}
}

func (s *suite) equal(what string, got, want any) {
	s.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
