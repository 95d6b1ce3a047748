package kms

import (
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// TestAliases is case S04.
func TestAliases(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.Quotas.AliasesPerKey = 2 })
	admin := w.admin(home)
	m, other := w.key(nil), w.key(nil)
	create := func(name string, id *string) *kmsapi.CreateAliasInput {
		return &kmsapi.CreateAliasInput{AliasName: &name, TargetKeyId: id}
	}
	refused(w, admin, kmsapi.OpCreateAlias, create("plain", m.KeyId), redoubt.ErrValidation,
		`Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`)
	refused(w, admin, kmsapi.OpCreateAlias, create("alias/aws/mine", m.KeyId), "NotAuthorizedException", "")
	refused(w, admin, kmsapi.OpCreateAlias, create("alias/a:b", m.KeyId), redoubt.ErrValidation, "alias/a:b contains invalid characters for an alias")
	refused(w, admin, kmsapi.OpCreateAlias, create("alias/", m.KeyId), kmsapi.ErrInvalidAliasNameException, "*")
	refused(w, admin, kmsapi.OpCreateAlias, create("alias/app", new("1234abcd-12ab-34cd-56ef-1234567890ab")), kmsapi.ErrNotFoundException,
		"Key 'arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab' does not exist")
	ok(w, admin, kmsapi.OpCreateAlias, create("alias/app", m.KeyId))
	refused(w, admin, kmsapi.OpCreateAlias, create("alias/app", other.KeyId), kmsapi.ErrAlreadyExistsException,
		"An alias with the name arn:aws:kms:us-east-1:123456789012:alias/app already exists")
	ok(w, admin, kmsapi.OpCreateAlias, create("alias/b", m.KeyId))
	refused(w, admin, kmsapi.OpCreateAlias, create("alias/c", m.KeyId), kmsapi.ErrLimitExceededException, "*")

	l := ok(w, admin, kmsapi.OpListAliases, &kmsapi.ListAliasesInput{KeyId: m.KeyId})
	if len(l.Aliases) != 2 || *l.Truncated || l.NextMarker != nil {
		t.Fatalf("%+v", l)
	}
	a := l.Aliases[0]
	if *a.AliasName != "alias/app" || *a.AliasArn != "arn:aws:kms:us-east-1:123456789012:alias/app" || *a.TargetKeyId != *m.KeyId || !a.CreationDate.Equal(w.clock.Now()) || !a.LastUpdatedDate.Equal(w.clock.Now()) {
		t.Errorf("%+v", a)
	}
	made := w.clock.Now()
	w.advance(time.Hour)
	ok(w, admin, kmsapi.OpUpdateAlias, &kmsapi.UpdateAliasInput{AliasName: new("alias/app"), TargetKeyId: other.KeyId})
	a = ok(w, admin, kmsapi.OpListAliases, &kmsapi.ListAliasesInput{KeyId: other.KeyId}).Aliases[0]
	if *a.TargetKeyId != *other.KeyId || !a.CreationDate.Equal(made) || !a.LastUpdatedDate.Equal(w.clock.Now()) {
		t.Errorf("%+v", a)
	}
	if k := w.record(*m.KeyId); len(k.Aliases) != 1 {
		t.Error(k.Aliases)
	}
	refused(w, admin, kmsapi.OpUpdateAlias, &kmsapi.UpdateAliasInput{AliasName: new("alias/none"), TargetKeyId: other.KeyId}, kmsapi.ErrNotFoundException,
		"Alias arn:aws:kms:us-east-1:123456789012:alias/none is not found.")
	mac := w.key(&kmsapi.CreateKeyInput{KeySpec: new("HMAC_256"), KeyUsage: new("GENERATE_VERIFY_MAC")})
	refused(w, admin, kmsapi.OpUpdateAlias, &kmsapi.UpdateAliasInput{AliasName: new("alias/app"), TargetKeyId: mac.KeyId}, redoubt.ErrValidation, "*")
	ok(w, admin, kmsapi.OpDeleteAlias, &kmsapi.DeleteAliasInput{AliasName: new("alias/app")})
	refused(w, admin, kmsapi.OpDeleteAlias, &kmsapi.DeleteAliasInput{AliasName: new("alias/app")}, kmsapi.ErrNotFoundException,
		"Alias arn:aws:kms:us-east-1:123456789012:alias/app is not found.")
	refused(w, admin, kmsapi.OpDeleteAlias, &kmsapi.DeleteAliasInput{AliasName: new("alias/aws/s3")}, "NotAuthorizedException", "*")
	if k := w.record(*other.KeyId); len(k.Aliases) != 0 {
		t.Error(k.Aliases)
	}
}

// TestAliasRights: both the alias and the keys must be allowed.
func TestAliasRights(t *testing.T) {
	w := newWorld(t)
	m, other := w.key(nil), w.key(nil)
	c := w.user(home, "u")
	grant := func(resources string) {
		c.allow = identity(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":[`+resources+`]}]}`)
	}
	create := &kmsapi.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: m.KeyId}
	alias := `"arn:aws:kms:us-east-1:123456789012:alias/app"`
	grant(alias)
	refused(w, c, kmsapi.OpCreateAlias, create, redoubt.ErrAccessDenied, "*")
	grant(`"` + *m.Arn + `"`)
	refused(w, c, kmsapi.OpCreateAlias, create, redoubt.ErrAccessDenied, "*")
	grant(alias + `,"` + *m.Arn + `"`)
	ok(w, c, kmsapi.OpCreateAlias, create)
	update := &kmsapi.UpdateAliasInput{AliasName: new("alias/app"), TargetKeyId: other.KeyId}
	refused(w, c, kmsapi.OpUpdateAlias, update, redoubt.ErrAccessDenied, "*")
	grant(alias + `,"` + *other.Arn + `"`)
	refused(w, c, kmsapi.OpUpdateAlias, update, redoubt.ErrAccessDenied, "*")
	grant(alias + `,"` + *m.Arn + `","` + *other.Arn + `"`)
	ok(w, c, kmsapi.OpUpdateAlias, update)
	grant(alias + `,"` + *m.Arn + `"`)
	refused(w, c, kmsapi.OpDeleteAlias, &kmsapi.DeleteAliasInput{AliasName: new("alias/app")}, redoubt.ErrAccessDenied, "*")
	grant(alias + `,"` + *other.Arn + `"`)
	ok(w, c, kmsapi.OpDeleteAlias, &kmsapi.DeleteAliasInput{AliasName: new("alias/app")})
}

func TestPredefinedAliases(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	ok(w, admin, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/a"), TargetKeyId: w.key(nil).KeyId})
	ok(w, admin, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/z"), TargetKeyId: w.key(nil).KeyId})
	ok(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: new("alias/aws/s3")})
	var names []string
	var marker *string
	for first := true; first || marker != nil; first = false {
		out := ok(w, admin, kmsapi.OpListAliases, &kmsapi.ListAliasesInput{Limit: new(int32(3)), Marker: marker})
		for _, a := range out.Aliases {
			names = append(names, *a.AliasName)
			bound := *a.AliasName == "alias/a" || *a.AliasName == "alias/z" || *a.AliasName == "alias/aws/s3"
			if (a.TargetKeyId != nil) != bound || (a.CreationDate != nil) != bound {
				t.Errorf("%s: target %v", *a.AliasName, a.TargetKeyId)
			}
		}
		marker = out.NextMarker
	}
	if len(names) != len(predefined)+2 || names[0] != "alias/a" || names[len(names)-1] != "alias/z" {
		t.Error(names)
	}
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			t.Error("out of order: ", names[i-1], names[i])
		}
	}
}

func TestManagedKeys(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	alias := "alias/aws/s3"
	in := &kmsapi.GenerateDataKeyInput{KeyId: &alias, KeySpec: new("AES_256")}
	refused(w, admin, kmsapi.OpGenerateDataKey, in, kmsapi.ErrNotFoundException, "*") // no key yet, and none is made for users
	g := ok(w, admin.through("s3"), kmsapi.OpGenerateDataKey, in)
	ok(w, w.user(home, "u").through("s3"), kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: g.CiphertextBlob})
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: g.CiphertextBlob, KeyId: &alias}, redoubt.ErrAccessDenied, "*")
	refused(w, admin.through("ssm"), kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: g.CiphertextBlob, KeyId: &alias}, redoubt.ErrAccessDenied, "*")
	refused(w, w.admin(foreign).through("s3"), kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: g.CiphertextBlob}, redoubt.ErrAccessDenied, "*")
	m := ok(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &alias}).KeyMetadata
	if *m.KeyManager != "AWS" || *m.Description != "Default key that protects my S3 objects when no other key is defined" || *m.Arn != *g.KeyId {
		t.Errorf("%+v", m)
	}
	denied := redoubt.ErrAccessDenied
	refused(w, admin, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: m.KeyId}, denied, "*")
	refused(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: m.KeyId}, denied, "*")
	refused(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: m.KeyId, Policy: new(defaultPolicy("aws", home))}, denied, "*")
	refused(w, admin, kmsapi.OpRotateKeyOnDemand, &kmsapi.RotateKeyOnDemandInput{KeyId: m.KeyId}, denied, "*")
	refused(w, admin, kmsapi.OpTagResource, &kmsapi.TagResourceInput{KeyId: m.KeyId, Tags: tags("a", "b")}, denied, "*")
	refused(w, admin, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/mine"), TargetKeyId: m.KeyId}, denied, "*")
	if s := w.rotationStatus(*m.KeyId); !*s.KeyRotationEnabled || *s.RotationPeriodInDays != 365 {
		t.Errorf("%+v", s)
	}
	w.advance(366 * day)
	if l := w.rotations(*m.KeyId); len(l) != 1 {
		t.Error("not rotated after a year")
	}
	other := ok(w, admin.in("eu-west-1"), kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &alias}).KeyMetadata
	if *other.KeyId == *m.KeyId {
		t.Error("one key for two regions")
	}
	refused(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: new("alias/aws/nothing")}, kmsapi.ErrNotFoundException, "*")
	// A refused call makes no key.
	refused(w, w.user(home, "u"), kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: new("alias/aws/rds")}, denied, "*")
	if has, _ := aliases.In(home, region).Has(w.db.Begin(), "alias/aws/rds"); has {
		t.Error("a refused call made a key")
	}
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	id := w.key(&kmsapi.CreateKeyInput{Tags: tags("tag1", "value1", "tag2", "value2")}).KeyId
	list := func() (got []string) {
		out := ok(w, admin, kmsapi.OpListResourceTags, &kmsapi.ListResourceTagsInput{KeyId: id})
		if out.Tags == nil || *out.Truncated || out.NextMarker != nil {
			t.Errorf("%+v", out)
		}
		for _, tag := range out.Tags {
			got = append(got, *tag.TagKey+"="+*tag.TagValue)
		}
		return got
	}
	ok(w, admin, kmsapi.OpTagResource, &kmsapi.TagResourceInput{KeyId: id, Tags: tags("tag4", "value4", "tag2", "updated", "empty", "")})
	if got := list(); len(got) != 4 || got[0] != "tag1=value1" || got[1] != "tag2=updated" || got[2] != "tag4=value4" || got[3] != "empty=" {
		t.Error(got)
	}
	ok(w, admin, kmsapi.OpUntagResource, &kmsapi.UntagResourceInput{KeyId: id, TagKeys: []string{"tag2", "absent"}})
	if got := list(); len(got) != 3 {
		t.Error(got)
	}
	refused(w, admin, kmsapi.OpTagResource, &kmsapi.TagResourceInput{KeyId: id, Tags: tags("a", "1", "a", "1")}, kmsapi.ErrTagException, "Duplicate tag keys")
	refused(w, admin, kmsapi.OpTagResource, &kmsapi.TagResourceInput{KeyId: id, Tags: tags("aws:x", "1")}, kmsapi.ErrTagException, "Tags beginning with aws: are reserved")
	refused(w, admin, kmsapi.OpTagResource, &kmsapi.TagResourceInput{KeyId: id, Tags: manyTags(48)}, kmsapi.ErrTagException, "Too many tags")
	first := ok(w, admin, kmsapi.OpListResourceTags, &kmsapi.ListResourceTagsInput{KeyId: id, Limit: new(int32(2))})
	rest := ok(w, admin, kmsapi.OpListResourceTags, &kmsapi.ListResourceTagsInput{KeyId: id, Limit: new(int32(2)), Marker: first.NextMarker})
	if len(first.Tags) != 2 || !*first.Truncated || len(rest.Tags) != 1 || *rest.Truncated {
		t.Error("pages")
	}
	refused(w, admin, kmsapi.OpListResourceTags, &kmsapi.ListResourceTagsInput{KeyId: id, Limit: new(int32(51))}, redoubt.ErrValidation, "*")
}
