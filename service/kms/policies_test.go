package kms

import (
	"encoding/json"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// TestKeyPolicyDecides is case S06.
func TestKeyPolicyDecides(t *testing.T) {
	w := newWorld(t)
	admin, u := w.admin(home), w.user(home, "u")
	id := *w.key(nil).KeyId
	article := `{"Version":"2012-10-17","Statement":[
		{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"},
		{"Sid":"Allow S3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"*"}]}`
	ok(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, PolicyName: new("default"), Policy: &article})
	in := &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x")}
	refused(w, u, kmsapi.OpEncrypt, in, redoubt.ErrAccessDenied, "*")
	allowed := *u
	allowed.allow = identity(t, everything)
	ok(w, &allowed, kmsapi.OpEncrypt, in) // the root statement delegates to IAM

	// Without the delegation IAM is useless; the named user needs no IAM.
	direct := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/admin"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/v"},"Action":"kms:Encrypt","Resource":"*"}]}`
	ok(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, Policy: &direct})
	refused(w, &allowed, kmsapi.OpEncrypt, in, redoubt.ErrAccessDenied, "*")
	ok(w, w.user(home, "v"), kmsapi.OpEncrypt, in)

	// Lock-out.
	lockout := strings.Replace(direct, "user/admin", "user/other", 1)
	refused(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, Policy: &lockout}, kmsapi.ErrMalformedPolicyDocumentException,
		"The new key policy will not allow you to update the key policy in the future.")
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{Policy: &lockout}, kmsapi.ErrMalformedPolicyDocumentException, "*")
	ok(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, Policy: &lockout, BypassPolicyLockoutSafetyCheck: new(true)})
	refused(w, admin, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: &id}, redoubt.ErrAccessDenied, "*")
}

func TestPolicyRefusals(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	id := *w.key(nil).KeyId
	put := func(text string, code redoubt.ErrorKind, message string) {
		t.Helper()
		refused(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, Policy: &text}, code, message)
	}
	put(`{"Version":`, kmsapi.ErrMalformedPolicyDocumentException, "*")
	put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`, kmsapi.ErrMalformedPolicyDocumentException, "Policy contains a statement with no principal.")
	put(`{"Version":"2012-10-17","Statement":[]}`+strings.Repeat(" ", maxPolicy), kmsapi.ErrLimitExceededException, "*")
	refused(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, PolicyName: new("other"), Policy: new(defaultPolicy("aws", home))}, kmsapi.ErrNotFoundException, "No such policy exists")
	refused(w, admin, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: &id, PolicyName: new("other")}, kmsapi.ErrNotFoundException, "No such policy exists")
	l := ok(w, admin, kmsapi.OpListKeyPolicies, &kmsapi.ListKeyPoliciesInput{KeyId: &id})
	if len(l.PolicyNames) != 1 || l.PolicyNames[0] != "default" || *l.Truncated || l.NextMarker != nil {
		t.Errorf("%+v", l)
	}
}

func TestPolicyPrincipals(t *testing.T) {
	p := people{"arn:aws:iam::123456789012:root": "", "arn:aws:iam::123456789012:user/admin": uniqueID("AIDA", "admin"), "arn:aws:iam::123456789012:user/v": uniqueID("AIDA", "v")}
	w := newWorld(t, func(d *Deps) { d.Principals = p })
	admin := w.admin(home)
	id := *w.key(nil).KeyId
	text := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::123456789012:root","arn:aws:iam::123456789012:user/v"]},"Action":"kms:*","Resource":"*"}]}`
	ok(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, Policy: &text})
	if got := *ok(w, admin, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: &id}).Policy; !sameJSON(t, got, text) {
		t.Error(got)
	}
	in := &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x")}
	ok(w, w.user(home, "v"), kmsapi.OpEncrypt, in)

	// Deleted and made again under the same name: somebody else.
	p["arn:aws:iam::123456789012:user/v"] = uniqueID("AIDA", "v2")
	again := w.user(home, "v")
	again.ID = uniqueID("AIDA", "v2")
	refused(w, again, kmsapi.OpEncrypt, in, redoubt.ErrAccessDenied, "*")
	got := *ok(w, admin, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: &id}).Policy
	if !strings.Contains(got, uniqueID("AIDA", "v")) {
		t.Error(got)
	}
	const invalid = "Policy contains a statement with one or more invalid principals."
	refused(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: &id, Policy: &got}, kmsapi.ErrMalformedPolicyDocumentException, invalid)
	unknown := strings.Replace(text, "user/v", "user/none", 1)
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{Policy: &unknown}, kmsapi.ErrMalformedPolicyDocumentException, invalid)
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	p, _ := json.Marshal(x)
	q, _ := json.Marshal(y)
	return string(p) == string(q)
}

func TestLayOut(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`{"a":"b"}`, "{\n  \"a\" : \"b\"\n}"},
		{`{ "a" :[1, {"b":"c,\" : {"} ,[]],"d":{}}`, "{\n  \"a\" : [ 1, {\n    \"b\" : \"c,\\\" : {\"\n  }, [ ] ],\n  \"d\" : { }\n}"},
		{defaultPolicy("aws", home), defaultPolicy("aws", home)},
		{managedPolicy("aws", region, home, managedServices[0]), managedPolicy("aws", region, home, managedServices[0])},
	} {
		if got := layOut(test.in); got != test.want {
			t.Errorf("%s\ngot  %s\nwant %s", test.in, got, test.want)
		}
	}
}

// TestCrossAccount: some operations reach across accounts, if both sides agree.
func TestCrossAccount(t *testing.T) {
	w := newWorld(t)
	admin, other := w.admin(home), w.admin(foreign)
	m := w.key(nil)
	in := &kmsapi.EncryptInput{KeyId: m.Arn, Plaintext: []byte("x")}
	refused(w, other, kmsapi.OpEncrypt, in, redoubt.ErrAccessDenied, "*")
	text := strings.Replace(defaultPolicy("aws", home), `"arn:aws:iam::123456789012:root"`, `["arn:aws:iam::123456789012:root","arn:aws:iam::999999999999:root"]`, 1)
	ok(w, admin, kmsapi.OpPutKeyPolicy, &kmsapi.PutKeyPolicyInput{KeyId: m.KeyId, Policy: &text})
	blob := ok(w, other, kmsapi.OpEncrypt, in).CiphertextBlob
	refused(w, w.user(foreign, "u"), kmsapi.OpEncrypt, in, redoubt.ErrAccessDenied, "*")
	// The ciphertext leads to the other account's key, also with its bare id.
	ok(w, other, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob})
	ok(w, other, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob, KeyId: m.KeyId})
	ok(w, other, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: m.Arn})
	ok(w, other, kmsapi.OpGetKeyRotationStatus, &kmsapi.GetKeyRotationStatusInput{KeyId: m.Arn})
	refused(w, other, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: m.KeyId}, kmsapi.ErrNotFoundException, "*")
	refused(w, other, kmsapi.OpDisableKey, &kmsapi.DisableKeyInput{KeyId: m.Arn}, redoubt.ErrAccessDenied, "*")
	refused(w, other, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: m.Arn}, redoubt.ErrAccessDenied, "*")
	refused(w, other, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: m.Arn}, redoubt.ErrAccessDenied, "*")
	refused(w, other, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/x"), TargetKeyId: m.Arn}, redoubt.ErrAccessDenied, "*")
}
