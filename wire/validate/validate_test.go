package validate_test

import (
	"errors"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/acmapi"
	"github.com/redoubt-sec/redoubt/api/eventsapi"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire/validate"
)

const policyARN = "arn:aws:iam::123456789012:role/x"

// The texts are as recorded on AWS, as far as recordings exist.
func TestTexts(t *testing.T) {
	long := strings.Repeat("s", 65)
	for _, c := range []struct {
		name string
		svc  *schema.Service
		op   string
		in   any
		code string
		want string
	}{
		{"fine", &kmsapi.Model, "Encrypt", &kmsapi.EncryptInput{KeyId: new("k"), Plaintext: []byte("p")}, "", ""},
		{"number too small", &kmsapi.Model, "GenerateRandom", &kmsapi.GenerateRandomInput{NumberOfBytes: new(int32(0))}, "ValidationException",
			"1 validation error detected: Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"number too large", &kmsapi.Model, "GenerateRandom", &kmsapi.GenerateRandomInput{NumberOfBytes: new(int32(1025))}, "ValidationException",
			"1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal to 1024"},
		{"blob is not repeated", &kmsapi.Model, "Encrypt", &kmsapi.EncryptInput{KeyId: new("k"), Plaintext: make([]byte, 4097)}, "ValidationException",
			"1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"},
		{"empty blob", &kmsapi.Model, "Decrypt", &kmsapi.DecryptInput{CiphertextBlob: []byte{}}, "ValidationException",
			"1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"missing", &kmsapi.Model, "DescribeKey", &kmsapi.DescribeKeyInput{}, "ValidationException",
			"1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null"},
		{"several", &kmsapi.Model, "CreateAlias", &kmsapi.CreateAliasInput{AliasName: new("alias/ä")}, "ValidationException",
			"2 validation errors detected: Value 'alias/ä' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$; Value null at 'targetKeyId' failed to satisfy constraint: Member must not be null"},
		{"in a list of structures", &kmsapi.Model, "TagResource", &kmsapi.TagResourceInput{KeyId: new("k"), Tags: []kmsapi.Tag{{TagKey: new("a"), TagValue: new("b")}, {TagKey: new(""), TagValue: new("")}}}, "ValidationException",
			"1 validation error detected: Value '' at 'tags.2.member.tagKey' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"sts repeats", &stsapi.Model, "AssumeRole", &stsapi.AssumeRoleInput{RoleArn: new(policyARN), RoleSessionName: new("Session1:2")}, "ValidationError",
			`1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`},
		{"sts length", &stsapi.Model, "AssumeRole", &stsapi.AssumeRoleInput{RoleArn: new(policyARN), RoleSessionName: new(long)}, "ValidationError",
			"1 validation error detected: Value '" + long + "' at 'roleSessionName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"iam does not repeat", &iamapi.Model, "CreateRole", &iamapi.CreateRoleInput{RoleName: new(long), AssumeRolePolicyDocument: new("{}")}, "ValidationError",
			"1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"iam words names by itself", &iamapi.Model, "CreateUser", &iamapi.CreateUserInput{UserName: new("a b")}, "ValidationError",
			"The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
		{"iam words paths by itself", &iamapi.Model, "CreateUser", &iamapi.CreateUserInput{UserName: new("a"), Path: new("x")}, "ValidationError",
			"The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."},
		{"lengths come before iam's words", &iamapi.Model, "CreateRole", &iamapi.CreateRoleInput{RoleName: new(long + " "), AssumeRolePolicyDocument: new("{}")}, "ValidationError",
			"1 validation error detected: Value at 'roleName' failed to satisfy constraint: Member must have length less than or equal to 64"},
		{"logs has a code of its own", &logsapi.Model, "CreateLogGroup", &logsapi.CreateLogGroupInput{LogGroupName: new("C:x")}, "InvalidParameterException",
			`1 validation error detected: Value 'C:x' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+`},
		{"elements of a list", &acmapi.Model, "RequestCertificate", &acmapi.RequestCertificateInput{DomainName: new("a.example.com"), SubjectAlternativeNames: []string{"ccc"}}, "ValidationException",
			`1 validation error detected: Value '[ccc]' at 'subjectAlternativeNames' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 253, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: (\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])]`},
		{"elements of a list on Lambda", &lambdaapi.Model, "CreateFunctionUrlConfig", &lambdaapi.CreateFunctionUrlConfigInput{FunctionName: new("f"), AuthType: new("NONE"), Cors: &lambdaapi.Cors{AllowMethods: []string{"GET", "OPTIONS"}}}, "ValidationException",
			"1 validation error detected: Value '[GET, OPTIONS]' at 'cors.allowMethods' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 6, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: .*, Member must not be null]"},
		{"keys of a map", &eventsapi.Model, "PutTargets", &eventsapi.PutTargetsInput{Rule: new("r"), Targets: []eventsapi.Target{{Id: new("1"), Arn: new("arn:x"), InputTransformer: &eventsapi.InputTransformer{InputTemplate: new("t"), InputPathsMap: map[string]string{"de onde?": "$.a"}}}}}, "ValidationException",
			`1 validation error detected: Value '{de onde?=$.a}' at 'targets.1.member.inputTransformer.inputPathsMap' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 256, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [A-Za-z0-9\_\-]+]`},
		{"secrets are not repeated", &secretsmanagerapi.Model, "CreateSecret", &secretsmanagerapi.CreateSecretInput{Name: new("n"), SecretString: new(strings.Repeat("x", 65537))}, "ValidationException",
			"1 validation error detected: Value at 'secretString' failed to satisfy constraint: Member must have length less than or equal to 65536"},
		{"s3 says one thing", &s3api.Model, "PutBucketVersioning", &s3api.PutBucketVersioningInput{Bucket: new("b")}, "MalformedXML",
			"The XML you provided was not well-formed or did not validate against our published schema"},
		{"length counts characters", &stsapi.Model, "AssumeRole", &stsapi.AssumeRoleInput{RoleArn: new("arn:aws:iam::123456789012:role/" + strings.Repeat("ä", 2017)), RoleSessionName: new("ab")}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := validate.New().Input(c.svc, c.svc.Find(c.op), c.in)
			if c.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			e, ok := errors.AsType[*redoubt.Error](err)
			if !ok || e.Code != c.code || e.Message != c.want || e.Status != 400 {
				t.Errorf("got  %v\nwant %s: %s", err, c.code, c.want)
			}
		})
	}
}

func TestEnumeration(t *testing.T) {
	err := validate.New().Input(&kmsapi.Model, kmsapi.Model.Find("GenerateMac"), &kmsapi.GenerateMacInput{KeyId: new("k"), Message: []byte("m"), MacAlgorithm: new("INVALID")})
	head, set, _ := strings.Cut(err.Error(), "[")
	if head != "ValidationException: 1 validation error detected: Value 'INVALID' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: " {
		t.Error(head)
	}
	for _, v := range []string{"HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"} {
		if !strings.Contains(set, v) {
			t.Errorf("%s is missing in %s", v, set)
		}
	}
}

func TestBounded(t *testing.T) {
	in := &kmsapi.TagResourceInput{KeyId: new("k")}
	for range 100 {
		in.Tags = append(in.Tags, kmsapi.Tag{TagKey: new(""), TagValue: new(strings.Repeat("v", 20000))})
	}
	err := validate.New().Input(&kmsapi.Model, kmsapi.Model.Find("TagResource"), in)
	if n := strings.Count(err.Error(), "failed to satisfy"); n != 10 {
		t.Errorf("%d violations", n)
	}
	if !strings.HasPrefix(err.Error(), "ValidationException: 10 validation errors detected: ") || len(err.Error()) > 100000 {
		t.Errorf("%d bytes: %.100s", len(err.Error()), err.Error())
	}
}

func BenchmarkEncrypt(b *testing.B) {
	v := validate.New()
	op := kmsapi.Model.Find("Encrypt")
	in := &kmsapi.EncryptInput{
		KeyId: new("arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"), Plaintext: make([]byte, 64),
		EncryptionContext: map[string]string{"purpose": "test"}, EncryptionAlgorithm: new("SYMMETRIC_DEFAULT"),
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Input(&kmsapi.Model, op, in); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOrder: several members of IAM's inputs are listed as Java's hash tables have them.
func TestOrder(t *testing.T) {
	in := &iamapi.UpdateAccountPasswordPolicyInput{MaxPasswordAge: new(int32(0)), MinimumPasswordLength: new(int32(5)), PasswordReusePrevention: new(int32(99))}
	err := validate.New().Input(&iamapi.Model, iamapi.Model.Find("UpdateAccountPasswordPolicy"), in)
	want := "3 validation errors detected: Value at 'minimumPasswordLength' failed to satisfy constraint: Member must have value greater than or equal to 6; " +
		"Value at 'passwordReusePrevention' failed to satisfy constraint: Member must have value less than or equal to 24; " +
		"Value at 'maxPasswordAge' failed to satisfy constraint: Member must have value greater than or equal to 1"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Error(err)
	}
}
