package kms

import (
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

func TestDeletion(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.Quotas.Keys = 1 })
	admin := w.admin(home)
	m := w.key(nil)
	id := *m.KeyId
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{}, kmsapi.ErrLimitExceededException, "*")
	ok(w, admin, kmsapi.OpCreateAlias, &kmsapi.CreateAliasInput{AliasName: new("alias/app"), TargetKeyId: &id})
	for range 450 { // more than a transaction's worth is deleted in several
		ok(w, admin, kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new("arn:aws:iam::123456789012:user/u"), Operations: []string{"Decrypt"}, RetiringPrincipal: new("arn:aws:iam::123456789012:user/u")})
	}
	blob := w.ciphertext(id)
	for _, days := range []int32{6, 31} {
		refused(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: &days}, redoubt.ErrValidation, "*")
	}
	out := ok(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: &id})
	end := w.clock.Now().AddDate(0, 0, 30)
	if *out.KeyId != *m.Arn || *out.KeyState != "PendingDeletion" || *out.PendingWindowInDays != 30 || !out.DeletionDate.Equal(end) {
		t.Errorf("%+v", out)
	}
	if d := w.describe(id); *d.Enabled || !d.DeletionDate.Equal(end) || d.PendingDeletionWindowInDays != nil {
		t.Errorf("%+v", d)
	}
	w.advance(20 * day)
	if c := ok(w, admin, kmsapi.OpCancelKeyDeletion, &kmsapi.CancelKeyDeletionInput{KeyId: &id}); *c.KeyId != *m.Arn {
		t.Error(*c.KeyId)
	}
	if d := w.describe(id); *d.KeyState != "Disabled" || d.DeletionDate != nil {
		t.Errorf("%+v", d)
	}
	w.advance(20 * day)
	ok(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: new(int32(7))})
	w.advance(7*day - 1)
	w.describe(id)
	w.advance(1)
	refused(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &id}, kmsapi.ErrNotFoundException, "Key '"+*m.Arn+"' does not exist")
	refused(w, admin, kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: new("alias/app")}, kmsapi.ErrNotFoundException, "*")
	refused(w, admin, kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob}, redoubt.ErrAccessDenied, unreachableText)
	if l := ok(w, admin, kmsapi.OpListRetirableGrants, &kmsapi.ListRetirableGrantsInput{RetiringPrincipal: new("arn:aws:iam::123456789012:user/u")}).Grants; len(l) != 0 {
		t.Errorf("%d grants outlived the key", len(l))
	}
	w.key(nil) // the quota counts it out

	// Nothing of the key is left.
	for kv, err := range w.db.Backend().Scan(store.Prefix("kms."), false) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(kv.Key, id) || strings.Contains(string(kv.Value), id) {
			t.Errorf("left: %q %s", kv.Key, kv.Value)
		}
	}
	if len(w.plans.plans) != 0 {
		t.Error("plans are left: ", w.plans.plans)
	}
}

// TestKeyQuota: however many keys are made without counting, the quota holds to
// the key, in each Region.
func TestKeyQuota(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.Quotas.Keys = 40 })
	admin := w.admin(home)
	var last string
	for range 40 {
		last = *w.key(nil).KeyId
	}
	full := "The quota of 40 KMS keys in this account and Region is exceeded."
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{}, kmsapi.ErrLimitExceededException, full)
	ok(w, admin.in("eu-west-1"), kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{})
	ok(w, w.admin(foreign), kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{})
	ok(w, admin, kmsapi.OpScheduleKeyDeletion, &kmsapi.ScheduleKeyDeletionInput{KeyId: &last, PendingWindowInDays: new(int32(7))})
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{}, kmsapi.ErrLimitExceededException, full)
	w.advance(7 * day)
	w.key(nil)
	refused(w, admin, kmsapi.OpCreateKey, &kmsapi.CreateKeyInput{}, kmsapi.ErrLimitExceededException, full)
}
