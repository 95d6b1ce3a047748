package kms

import (
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

const userARN = "arn:aws:iam::123456789012:user/u"

func TestGrantLetsGrantee(t *testing.T) {
	w := newWorld(t)
	admin, u := w.admin(home), w.user(home, "u")
	id := *w.key(nil).KeyId
	enc := &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x")}
	refused(w, u, kmsapi.OpEncrypt, enc, redoubt.ErrAccessDenied, "*")
	g := ok(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Encrypt", "DescribeKey"}, Name: new("n")})
	if len(*g.GrantId) != 64 || *g.GrantToken == "" {
		t.Errorf("%+v", g)
	}
	blob := ok(w, u, kmsapi.OpEncrypt, enc).CiphertextBlob
	ok(w, u, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id})
	refused(w, u, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: &id, CiphertextBlob: blob}, redoubt.ErrAccessDenied, "*")
	refused(w, w.user(home, "v"), kmsapi.OpEncrypt, enc, redoubt.ErrAccessDenied, "*")
	refused(w, w.user(foreign, "u"), kmsapi.OpEncrypt, enc, redoubt.ErrAccessDenied, "*")

	// An explicit deny still wins.
	denied := *u
	denied.allow = identity(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"kms:Encrypt","Resource":"*"}]}`)
	refused(w, &denied, kmsapi.OpEncrypt, enc, redoubt.ErrAccessDenied, "*")

	// A token speeds nothing up and replaces no check; others' are refused.
	stranger := &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x"), GrantTokens: []string{*g.GrantToken}}
	refused(w, w.user(home, "v"), kmsapi.OpEncrypt, stranger, redoubt.ErrAccessDenied, "*")
	refused(w, u, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x"), GrantTokens: []string{"bogus"}}, kmsapi.ErrInvalidGrantTokenException, "*")
	ok(w, u, kmsapi.OpEncrypt, stranger)

	list := ok(w, admin, kmsapi.OpListGrants, &kmsapi.ListGrantsInput{KeyId: &id})
	if len(list.Grants) != 1 || *list.Truncated || list.NextMarker != nil {
		t.Fatalf("%+v", list)
	}
	e := list.Grants[0]
	if *e.KeyId != "arn:aws:kms:us-east-1:123456789012:key/"+id || *e.GrantId != *g.GrantId || *e.Name != "n" || *e.GranteePrincipal != userARN ||
		*e.IssuingAccount != "arn:aws:iam::123456789012:root" || len(e.Operations) != 2 || e.Constraints != nil || e.RetiringPrincipal != nil {
		t.Errorf("%+v", e)
	}

	ok(w, admin, kmsapi.OpRevokeGrant, &kmsapi.RevokeGrantInput{KeyId: &id, GrantId: g.GrantId})
	refused(w, u, kmsapi.OpEncrypt, enc, redoubt.ErrAccessDenied, "*")
	refused(w, admin, kmsapi.OpRevokeGrant, &kmsapi.RevokeGrantInput{KeyId: &id, GrantId: g.GrantId}, kmsapi.ErrNotFoundException, "*")
	refused(w, admin, kmsapi.OpRevokeGrant, &kmsapi.RevokeGrantInput{KeyId: &id, GrantId: new("nonsense")}, kmsapi.ErrInvalidGrantIdException, "*")
	refused(w, admin, kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: g.GrantToken}, kmsapi.ErrNotFoundException, "*")
}

func TestGrantForRole(t *testing.T) {
	w := newWorld(t)
	id := *w.key(nil).KeyId
	ok(w, w.admin(home), kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new("arn:aws:iam::123456789012:role/app"), Operations: []string{"GenerateDataKey"}})
	in := &kmsapi.GenerateDataKeyInput{KeyId: &id, KeySpec: new("AES_256")}
	ok(w, w.session(home, "app"), kmsapi.OpGenerateDataKey, in)
	refused(w, w.session(home, "other"), kmsapi.OpGenerateDataKey, in, redoubt.ErrAccessDenied, "*")
}

func TestGrantConstraints(t *testing.T) {
	w := newWorld(t)
	admin, u := w.admin(home), w.user(home, "u")
	id := *w.key(nil).KeyId
	grant := func(con *kmsapi.GrantConstraints) *string {
		return ok(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Encrypt", "DescribeKey"}, Constraints: con}).GrantId
	}
	try := func(context map[string]string, want bool) {
		t.Helper()
		_, err := do(w, u, kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x"), EncryptionContext: context})
		if (err == nil) != want {
			t.Errorf("%v: %v", context, err)
		}
	}
	g := grant(&kmsapi.GrantConstraints{EncryptionContextEquals: map[string]string{"Dept": "IT"}})
	try(map[string]string{"Dept": "IT"}, true)
	try(map[string]string{"dept": "IT"}, true) // keys without regard to case
	try(map[string]string{"Dept": "it"}, false)
	try(map[string]string{"Dept": "IT", "More": "x"}, false)
	try(nil, false)
	ok(w, u, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id})
	ok(w, admin, kmsapi.OpRevokeGrant, &kmsapi.RevokeGrantInput{KeyId: &id, GrantId: g})
	g = grant(&kmsapi.GrantConstraints{EncryptionContextSubset: map[string]string{"Dept": "IT"}})
	try(map[string]string{"Dept": "IT", "More": "x"}, true)
	try(map[string]string{"More": "x"}, false)
	ok(w, admin, kmsapi.OpRevokeGrant, &kmsapi.RevokeGrantInput{KeyId: &id, GrantId: g})
	grant(&kmsapi.GrantConstraints{SourceArn: new("arn:aws:s3:::b")})
	try(nil, false)
	for name, con := range map[string]*kmsapi.GrantConstraints{
		"many pairs": {EncryptionContextEquals: map[string]string{"1": "", "2": "", "3": "", "4": "", "5": "", "6": "", "7": "", "8": "", "9": ""}},
		"long value": {EncryptionContextSubset: map[string]string{"k": string(make([]byte, 385))}},
	} {
		_, err := do(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Encrypt"}, Constraints: con})
		if err == nil {
			t.Error(name)
		}
	}
	sign := w.key(&kmsapi.CreateKeyInput{KeySpec: new("ECC_NIST_P256"), KeyUsage: new("SIGN_VERIFY")})
	refused(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: sign.KeyId, GranteePrincipal: new(userARN), Operations: []string{"Sign"}, Constraints: &kmsapi.GrantConstraints{EncryptionContextEquals: map[string]string{"a": "b"}}}, redoubt.ErrValidation, "*")
	refused(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: sign.KeyId, GranteePrincipal: new(userARN), Operations: []string{"GenerateDataKey"}}, redoubt.ErrValidation, "*")
	refused(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Sign"}}, redoubt.ErrValidation, "*")
}

func TestGrantNames(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	id := *w.key(nil).KeyId
	in := &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Encrypt", "Decrypt"}, Name: new("retry")}
	a, b := ok(w, admin, kmsapi.OpCreateGrant, in), ok(w, admin, kmsapi.OpCreateGrant, in)
	if *a.GrantId != *b.GrantId || *a.GrantToken == *b.GrantToken {
		t.Error("the same name and parameters: same grant, new token")
	}
	other := *in
	other.Operations = []string{"Encrypt"}
	if c := ok(w, admin, kmsapi.OpCreateGrant, &other); *c.GrantId == *a.GrantId {
		t.Error("other parameters: another grant")
	}
	unnamed := *in
	unnamed.Name = nil
	if c, d := ok(w, admin, kmsapi.OpCreateGrant, &unnamed), ok(w, admin, kmsapi.OpCreateGrant, &unnamed); *c.GrantId == *d.GrantId {
		t.Error("without a name every request is a new grant")
	}
	// Both tokens are good, until the grant is gone.
	ok(w, admin, kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: a.GrantToken})
	refused(w, admin, kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: b.GrantToken}, kmsapi.ErrNotFoundException, "*")
	if c := ok(w, admin, kmsapi.OpCreateGrant, in); *c.GrantId == *a.GrantId {
		t.Error("a retired grant came back")
	}
}

func TestRetireGrant(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	key := w.key(nil)
	retirer := "arn:aws:iam::999999999999:role/retirer"
	grant := func(in kmsapi.CreateGrantInput) *kmsapi.CreateGrantOutput {
		in.KeyId, in.GranteePrincipal = key.KeyId, new(userARN)
		return ok(w, admin, kmsapi.OpCreateGrant, &in)
	}
	plain := grant(kmsapi.CreateGrantInput{Operations: []string{"Decrypt"}, RetiringPrincipal: &retirer})
	refused(w, w.user(home, "u"), kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: plain.GrantToken}, redoubt.ErrAccessDenied, "*")
	refused(w, w.session(foreign, "other"), kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: plain.GrantToken}, redoubt.ErrAccessDenied, "*")

	// The retiring principal's account sees it, whoever owns the key.
	list := ok(w, w.admin(foreign), kmsapi.OpListRetirableGrants, &kmsapi.ListRetirableGrantsInput{RetiringPrincipal: &retirer})
	if len(list.Grants) != 1 || *list.Grants[0].KeyId != *key.Arn || *list.Grants[0].RetiringPrincipal != retirer || *list.Truncated {
		t.Errorf("%+v", list)
	}
	refused(w, w.admin(home), kmsapi.OpListRetirableGrants, &kmsapi.ListRetirableGrantsInput{RetiringPrincipal: &retirer}, redoubt.ErrAccessDenied, "*")

	refused(w, w.admin(home), kmsapi.OpListRetirableGrants, &kmsapi.ListRetirableGrantsInput{RetiringPrincipal: new("arn:aws:iam::12/34:user/u")}, kmsapi.ErrInvalidArnException, "*")

	ok(w, w.session(foreign, "retirer"), kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: plain.GrantToken})
	own := grant(kmsapi.CreateGrantInput{Operations: []string{"Decrypt", "RetireGrant"}})
	ok(w, w.user(home, "u"), kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{KeyId: key.Arn, GrantId: own.GrantId})

	refused(w, admin, kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{}, redoubt.ErrValidation, "*")
	refused(w, admin, kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: new("AAAA")}, kmsapi.ErrInvalidGrantTokenException, "*")
	refused(w, admin.in("eu-west-1"), kmsapi.OpRetireGrant, &kmsapi.RetireGrantInput{GrantToken: grant(kmsapi.CreateGrantInput{Operations: []string{"Decrypt"}}).GrantToken}, kmsapi.ErrInvalidGrantTokenException, "*")
}

// TestGrantByGrant: who may make grants by a grant makes only narrower ones.
func TestGrantByGrant(t *testing.T) {
	w := newWorld(t)
	admin, u := w.admin(home), w.user(home, "u")
	id := *w.key(nil).KeyId
	ok(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Encrypt", "Decrypt", "CreateGrant"},
		Constraints: &kmsapi.GrantConstraints{EncryptionContextSubset: map[string]string{"Dept": "IT"}}})
	child := func(con *kmsapi.GrantConstraints, ops ...string) *kmsapi.CreateGrantInput {
		return &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new("arn:aws:iam::123456789012:user/v"), Operations: ops, Constraints: con}
	}
	same := &kmsapi.GrantConstraints{EncryptionContextSubset: map[string]string{"Dept": "IT"}}
	ok(w, u, kmsapi.OpCreateGrant, child(same, "Decrypt"))
	ok(w, u, kmsapi.OpCreateGrant, child(&kmsapi.GrantConstraints{EncryptionContextSubset: map[string]string{"Dept": "IT", "More": "x"}}, "Encrypt", "Decrypt"))
	ok(w, u, kmsapi.OpCreateGrant, child(&kmsapi.GrantConstraints{EncryptionContextEquals: map[string]string{"Dept": "IT"}}, "Encrypt"))
	refused(w, u, kmsapi.OpCreateGrant, child(same, "GenerateDataKey"), redoubt.ErrAccessDenied, "*")
	refused(w, u, kmsapi.OpCreateGrant, child(nil, "Decrypt"), redoubt.ErrAccessDenied, "*")
	refused(w, u, kmsapi.OpCreateGrant, child(&kmsapi.GrantConstraints{EncryptionContextSubset: map[string]string{"More": "x"}}, "Decrypt"), redoubt.ErrAccessDenied, "*")
}

func TestServiceGrants(t *testing.T) {
	w := newWorld(t)
	admin := w.admin(home)
	id := *w.key(nil).KeyId
	in := &kmsapi.CreateGrantInput{KeyId: &id, GranteeServicePrincipal: new("rds.amazonaws.com"), Operations: []string{"Decrypt"}}
	refused(w, admin, kmsapi.OpCreateGrant, in, redoubt.ErrValidation, "*")
	in.Constraints = &kmsapi.GrantConstraints{SourceArn: new("arn:aws:rds:us-east-1:123456789012:db:d")}
	refused(w, admin, kmsapi.OpCreateGrant, in, redoubt.ErrValidation, "*")
	in.RetiringServicePrincipal = new("rds.amazonaws.com")
	ok(w, admin, kmsapi.OpCreateGrant, in)
	in.GranteePrincipal = new(userARN)
	refused(w, admin, kmsapi.OpCreateGrant, in, redoubt.ErrValidation, "*")
	refused(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, Operations: []string{"Decrypt"}}, redoubt.ErrValidation, "*")

	blob := w.ciphertext(id)
	rds := &caller{region: region, Principal: redoubt.Principal{Kind: redoubt.Service, ARN: "rds.amazonaws.com"}}
	arn := "arn:aws:kms:us-east-1:123456789012:key/" + id
	refused(w, rds, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: &arn, CiphertextBlob: blob}, redoubt.ErrAccessDenied, "*")
	rds.via = redoubt.Via{SourceARN: "arn:aws:rds:us-east-1:123456789012:db:d", SourceAccount: home}
	ok(w, rds, kmsapi.OpDecrypt, &kmsapi.DecryptInput{KeyId: &arn, CiphertextBlob: blob})
	if l := ok(w, rds, kmsapi.OpListRetirableGrants, &kmsapi.ListRetirableGrantsInput{RetiringServicePrincipal: new("rds.amazonaws.com")}); len(l.Grants) != 1 {
		t.Error("the service does not see its grant")
	}
	refused(w, admin, kmsapi.OpListRetirableGrants, &kmsapi.ListRetirableGrantsInput{RetiringServicePrincipal: new("rds.amazonaws.com")}, redoubt.ErrValidation, "*")
}

// people are the principals that exist.
type people map[string]string // ARN to id

func (p people) PrincipalID(_ *store.Tx, arn string) (string, bool, error) {
	id, ok := p[arn]
	return id, ok, nil
}

func (p people) PrincipalARN(_ *store.Tx, id string) (string, bool, error) {
	for arn, i := range p {
		if i == id {
			return arn, true, nil
		}
	}
	return "", false, nil
}

func TestGrantsBindToOneLife(t *testing.T) {
	p := people{userARN: uniqueID("AIDA", "u"), "arn:aws:iam::123456789012:root": ""}
	w := newWorld(t, func(d *Deps) { d.Principals = p })
	id := *w.key(nil).KeyId
	refused(w, w.admin(home), kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new("arn:aws:iam::123456789012:user/none"), Operations: []string{"Encrypt"}},
		kmsapi.ErrInvalidArnException, "ARN does not refer to a valid principal: arn:aws:iam::123456789012:user/none")
	ok(w, w.admin(home), kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Encrypt"}})
	in := &kmsapi.EncryptInput{KeyId: &id, Plaintext: []byte("x")}
	ok(w, w.user(home, "u"), kmsapi.OpEncrypt, in)
	again := w.user(home, "u")
	again.ID = uniqueID("AIDA", "another")
	refused(w, again, kmsapi.OpEncrypt, in, redoubt.ErrAccessDenied, "*")
}

func TestGrantQuotaAndPages(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.Quotas.GrantsPerKey = 5 })
	admin := w.admin(home)
	id := *w.key(nil).KeyId
	in := &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), RetiringPrincipal: new(userARN), Operations: []string{"Encrypt"}}
	for range 5 {
		ok(w, admin, kmsapi.OpCreateGrant, in)
	}
	refused(w, admin, kmsapi.OpCreateGrant, in, kmsapi.ErrLimitExceededException, "*")
	seen := map[string]bool{}
	var marker *string
	for pages := 0; pages == 0 || marker != nil; pages++ {
		out := ok(w, admin, kmsapi.OpListGrants, &kmsapi.ListGrantsInput{KeyId: &id, Limit: new(int32(2)), Marker: marker})
		for _, g := range out.Grants {
			seen[*g.GrantId] = true
		}
		marker = out.NextMarker
	}
	if len(seen) != 5 {
		t.Errorf("%d grants listed", len(seen))
	}
	seen = map[string]bool{}
	for pages := 0; pages == 0 || marker != nil; pages++ {
		out := ok(w, admin, kmsapi.OpListRetirableGrants, &kmsapi.ListRetirableGrantsInput{RetiringPrincipal: new(userARN), Limit: new(int32(2)), Marker: marker})
		for _, g := range out.Grants {
			seen[*g.GrantId] = true
		}
		marker = out.NextMarker
	}
	if len(seen) != 5 {
		t.Errorf("%d retirable grants listed", len(seen))
	}
}
