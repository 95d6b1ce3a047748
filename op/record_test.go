package op_test

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
)

func row[I, O any](d op.Desc[I, O]) op.Operation {
	return op.Row(d, func(context.Context, *redoubt.Call, *I) (*O, error) { return nil, nil },
		func(context.Context, *redoubt.Call, *I) ([]redoubt.Need, error) { return nil, nil })
}

func TestRecordRequest(t *testing.T) {
	for _, v := range []struct {
		row  op.Operation
		in   any
		want string
	}{
		{row(kmsapi.OpEncrypt).Records("KeyId", "EncryptionContext", "EncryptionAlgorithm", "DryRun"),
			&kmsapi.EncryptInput{KeyId: new("alias/x"), Plaintext: []byte("secret"), EncryptionContext: map[string]string{"b": "2", "a": "1\""}, GrantTokens: []string{"t"}},
			`{"keyId":"alias/x","encryptionContext":{"a":"1\"","b":"2"}}`},
		{row(kmsapi.OpEncrypt).Records("KeyId", "Plaintext"), &kmsapi.EncryptInput{KeyId: new("k"), Plaintext: []byte("secret")},
			`{"keyId":"k","plaintext":"HIDDEN_DUE_TO_SECURITY_REASONS"}`},
		{row(kmsapi.OpListKeys).Records("Limit"), &kmsapi.ListKeysInput{Marker: new("m")}, ``},
		{row(kmsapi.OpListKeys).Records("Limit"), &kmsapi.ListKeysInput{Limit: new(int32(5))}, `{"limit":5}`},
		{row(kmsapi.OpListKeys), &kmsapi.ListKeysInput{Limit: new(int32(5))}, ``},
		{row(kmsapi.OpTagResource).Records("KeyId", "Tags"), &kmsapi.TagResourceInput{KeyId: new("k"), Tags: []kmsapi.Tag{{TagKey: new("a"), TagValue: new("")}, {TagKey: new("b")}}},
			`{"keyId":"k","tags":[{"tagKey":"a","tagValue":""},{"tagKey":"b"}]}`},
		{row(kmsapi.OpTagResource).Records("Tags.TagKey"), &kmsapi.TagResourceInput{KeyId: new("k"), Tags: []kmsapi.Tag{{TagKey: new("a"), TagValue: new("x")}}},
			`{"tags":[{"tagKey":"a"}]}`},
		{row(kmsapi.OpCreateKey).Records("MultiRegion", "Tags", "Tags.TagKey"), &kmsapi.CreateKeyInput{MultiRegion: new(false), Tags: []kmsapi.Tag{}},
			`{"tags":[],"multiRegion":false}`},
		{row(stsapi.OpAssumeRole).Records("RoleArn", "TokenCode"), &stsapi.AssumeRoleInput{RoleArn: new("arn"), ExternalId: new("e")}, `{"roleArn":"arn"}`},
		{row(iamapi.OpCreateLoginProfile).Records("UserName", "Password"), &iamapi.CreateLoginProfileInput{UserName: new("ann"), Password: new("pw")},
			`{"userName":"ann","password":"HIDDEN_DUE_TO_SECURITY_REASONS"}`},
	} {
		if got := string(v.row.RecordRequest(v.in)); got != v.want {
			t.Errorf("%s: %s\nwant %s", v.row.Schema.Name, got, v.want)
		}
	}
}

func TestRecordResponse(t *testing.T) {
	at := time.Date(2026, 1, 2, 15, 4, 5, 6, time.FixedZone("", 3600))
	r := row(kmsapi.OpCreateKey).Answers("KeyMetadata")
	got := string(r.RecordResponse(&kmsapi.CreateKeyOutput{KeyMetadata: &kmsapi.KeyMetadata{KeyId: new("k"), AWSAccountId: new("1"), CreationDate: new(at), Enabled: new(true), EncryptionAlgorithms: []string{"SYMMETRIC_DEFAULT"}}}))
	for _, want := range []string{`"keyMetadata":{`, `"aWSAccountId":"1"`, `"creationDate":"Jan 2, 2026, 2:04:05 PM"`, `"enabled":true`, `"encryptionAlgorithms":["SYMMETRIC_DEFAULT"]`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if got := r.RecordResponse(&kmsapi.CreateKeyOutput{}); got != nil {
		t.Errorf("nothing became %s", got)
	}
	if got := r.RecordResponse(nil); got != nil {
		t.Errorf("no answer became %s", got)
	}
	none := row(kmsapi.OpDisableKey)
	if got := none.RecordResponse(&kmsapi.DisableKeyOutput{}); got != nil {
		t.Errorf("%s", got)
	}
	// The secret half of an access key is sensitive wherever it stands.
	k := row(iamapi.OpCreateAccessKey).Answers("AccessKey")
	if got := string(k.RecordResponse(&iamapi.CreateAccessKeyOutput{AccessKey: &iamapi.AccessKey{AccessKeyId: new("AKIA"), SecretAccessKey: new("MARKER")}})); strings.Contains(got, "MARKER") || !strings.Contains(got, `"accessKeyId":"AKIA"`) {
		t.Errorf("%s", got)
	}
}

func TestUnknownMember(t *testing.T) {
	for _, path := range []string{"KeyID", "Tags.Nothing", "KeyId.X", ""} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%q accepted", path)
				}
			}()
			row(kmsapi.OpTagResource).Records(path)
		}()
	}
}

// With every member of the services that hold secrets filled with a marker, and
// every member listed, nothing that the model calls sensitive and no blob is in
// the record; with none listed, there is no record.
func TestNothingSensitive(t *testing.T) {
	for _, svc := range []*schema.Service{&kmsapi.Model, &iamapi.Model, &stsapi.Model, &secretsmanagerapi.Model, &ssmapi.Model} {
		for _, r := range allRows(svc) {
			in := r.row.NewInput()
			fill(svc, svc.At(r.row.Schema.Input), reflect.ValueOf(in).Elem(), false, 0)
			if got := r.row.RecordRequest(in); got != nil {
				t.Errorf("%s.%s, nothing listed: %s", svc.Name, r.row.Schema.Name, got)
			}
			var names []string
			for _, m := range svc.At(r.row.Schema.Input).Members {
				names = append(names, m.Name)
			}
			listed := r.row.Records(names...)
			got := listed.RecordRequest(in)
			if strings.Contains(string(got), "SECRET") {
				t.Errorf("%s.%s: %s", svc.Name, r.row.Schema.Name, got)
			}
			if len(names) > 0 && !json.Valid(got) {
				t.Errorf("%s.%s: not JSON: %s", svc.Name, r.row.Schema.Name, got)
			}
		}
	}
}

type anyRow struct{ row op.Operation }

// allRows binds every operation of the service that this test knows by type.
func allRows(svc *schema.Service) []anyRow {
	switch svc.Name {
	case "kms":
		return []anyRow{{row(kmsapi.OpCreateKey)}, {row(kmsapi.OpEncrypt)}, {row(kmsapi.OpDecrypt)}, {row(kmsapi.OpImportKeyMaterial)}, {row(kmsapi.OpCreateGrant)}, {row(kmsapi.OpCreateCustomKeyStore)}, {row(kmsapi.OpSign)}, {row(kmsapi.OpReEncrypt)}}
	case "iam":
		return []anyRow{{row(iamapi.OpCreateUser)}, {row(iamapi.OpChangePassword)}, {row(iamapi.OpCreateLoginProfile)}, {row(iamapi.OpUploadServerCertificate)}, {row(iamapi.OpPutUserPolicy)}, {row(iamapi.OpCreateSAMLProvider)}}
	case "sts":
		return []anyRow{{row(stsapi.OpAssumeRole)}, {row(stsapi.OpAssumeRoleWithWebIdentity)}, {row(stsapi.OpAssumeRoleWithSAML)}, {row(stsapi.OpDecodeAuthorizationMessage)}}
	case "secretsmanager":
		return []anyRow{{row(secretsmanagerapi.OpCreateSecret)}, {row(secretsmanagerapi.OpPutSecretValue)}, {row(secretsmanagerapi.OpUpdateSecret)}}
	}
	return []anyRow{{row(ssmapi.OpPutParameter)}, {row(ssmapi.OpSendCommand)}}
}

// fill puts "SECRET" into what is sensitive or a blob, "open" elsewhere.
func fill(svc *schema.Service, s *schema.Shape, v reflect.Value, secret bool, depth int) {
	secret = secret || s.Has(schema.Sensitive)
	text := "open"
	if secret {
		text = "SECRET"
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch s.Kind {
	case schema.Structure:
		for i := range s.Members {
			if depth < 4 {
				fill(svc, svc.At(s.Members[i].Shape), v.Field(i), secret || s.Members[i].Has(schema.Sensitive), depth+1)
			}
		}
	case schema.List:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(svc, svc.At(s.Elem), v.Index(0), secret, depth+1)
	case schema.Map:
		m := reflect.MakeMap(v.Type())
		e := reflect.New(v.Type().Elem()).Elem()
		fill(svc, svc.At(s.Elem), e, secret, depth+1)
		k := "open"
		if secret || svc.At(s.Key).Has(schema.Sensitive) {
			k = "SECRET"
		}
		m.SetMapIndex(reflect.ValueOf(k).Convert(v.Type().Key()), e)
		v.Set(m)
	case schema.String:
		v.SetString(text)
	case schema.Blob:
		if v.Type() == reflect.TypeFor[[]byte]() {
			v.SetBytes([]byte("SECRET"))
		} else {
			v.Set(reflect.ValueOf(io.NopCloser(strings.NewReader("SECRET"))))
		}
	}
}

func BenchmarkRecordRequest(b *testing.B) {
	r := row(kmsapi.OpEncrypt).Records("KeyId", "EncryptionContext", "EncryptionAlgorithm", "DryRun")
	in := &kmsapi.EncryptInput{KeyId: new("arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"), Plaintext: []byte("x"), EncryptionContext: map[string]string{"app": "bench"}, EncryptionAlgorithm: new("SYMMETRIC_DEFAULT")}
	b.ReportAllocs()
	for b.Loop() {
		if r.RecordRequest(in) == nil {
			b.Fatal("nothing")
		}
	}
}
