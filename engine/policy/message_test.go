package policy

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
)

var update = flag.Bool("update", false, "write the fixtures of testdata anew")

// fixture compares with a file of testdata.
func fixture(t *testing.T, file, got string) {
	t.Helper()
	path := "testdata/" + file
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s", path, got)
	}
}

// Messages stand in testdata/messages.txt, one to a line, as AWS words them.
func TestMessages(t *testing.T) {
	bob := redoubt.Principal{Kind: redoubt.User, Account: away, ARN: "arn:aws:iam::444455556666:user/bob", ID: "AIDABOBBOBBOBBOBBOB00", Name: "bob"}
	managed := func(r *Request) { r.Identity[0].Name = "arn:aws:iam::111122223333:policy/deny" }
	oneOrg := func(r *Request) { r.PrincipalOrg, r.ResourceOrg = &Org{ID: "o-1"}, &Org{ID: "o-1"} }
	label := func(s string) func(*Request) { return func(r *Request) { r.Need.Label = s } }
	denyAll := `{"Effect":"Deny","Action":"*","Resource":"*"}`
	rcp := `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},` + denyTo(`"*"`)
	toHome := `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*","Resource":"*"}`
	toAway := strings.Replace(toHome, home, away, 1)
	role := "arn:aws:iam::111122223333:role/x"
	object := "arn:aws:s3:::b/k"
	var b strings.Builder
	for _, c := range []struct {
		name string
		s    setting
	}{
		{"identity, implicit", setting{by: aliceUser()}},
		{"identity, explicit, inline", setting{by: aliceUser(), identity: denySend}},
		{"identity, explicit, managed", setting{by: aliceUser(), identity: denySend, change: managed}},
		{"identity, role session", setting{by: appSession()}},
		{"boundary, implicit", setting{by: aliceUser(), identity: allowAll, boundary: allowRead}},
		{"boundary, explicit", setting{by: aliceUser(), identity: allowAll, boundary: denySend}},
		{"session, implicit", setting{by: appSession(), identity: allowAll, session: allowRead}},
		{"session, explicit", setting{by: appSession(), identity: allowAll, session: denySend}},
		{"SCP, implicit", setting{by: aliceUser(), identity: allowAll, scps: []string{allowRead}}},
		{"SCP, explicit", setting{by: aliceUser(), identity: allowAll, scps: []string{allowAll + "," + denySend}}},
		{"RCP, implicit", setting{by: aliceUser(), identity: allowAll, rcps: []string{""}}},
		{"RCP, explicit", setting{by: aliceUser(), identity: allowAll, rcps: []string{rcp}}},
		{"resource, explicit", setting{by: aliceUser(), identity: allowAll, policy: denyTo(`"*"`)}},
		{"resource, implicit, other account", setting{by: bob, identity: allowAll}},
		{"resource, explicit, other account", setting{by: bob, identity: allowAll, policy: denyTo(`"*"`)}},
		{"identity, other account", setting{by: bob, policy: allowTo(`{"AWS":"444455556666"}`)}},
		{"identity, managed, other account", setting{by: bob, policy: allowTo(`"*"`), identity: denySend, change: managed}},
		{"identity, managed, same organization", setting{by: bob, policy: allowTo(`"*"`), identity: denySend, change: func(r *Request) { managed(r); oneOrg(r) }}},
		{"no resource", setting{by: aliceUser(), action: "secretsmanager:ListSecrets", resource: "*"}},
		{"no resource, printed", setting{by: aliceUser(), action: "kms:ListKeys", resource: "*"}},
		{"labelled", setting{by: aliceUser(), action: "iam:GetUser", resource: alice, change: label("resource: user alice")}},
		{"service principal", setting{by: servicePrincipal("sns.amazonaws.com")}},
		{"anonymous", setting{by: redoubt.Principal{Kind: redoubt.Anonymous}}},

		{"KMS, not delegated", setting{by: aliceUser(), action: "kms:Decrypt", resource: theKey, strict: true, identity: allowAll, kind: KeyPolicy, policy: `{"Effect":"Allow","Principal":{"AWS":"` + app + `"},"Action":"kms:*","Resource":"*"}`}},
		{"KMS, delegated", setting{by: aliceUser(), action: "kms:Decrypt", resource: theKey, strict: true, kind: KeyPolicy, policy: toHome}},
		{"KMS, other account", setting{by: bob, action: "kms:Encrypt", resource: theKey, strict: true, identity: allowAll, kind: KeyPolicy, policy: toHome}},
		{"KMS, other account, ciphertext", setting{by: bob, action: "kms:Decrypt", resource: theKey, strict: true, identity: allowAll, kind: KeyPolicy, policy: toHome}},
		{"KMS, other account, identity", setting{by: bob, action: "kms:GenerateDataKey", resource: theKey, strict: true, kind: KeyPolicy, policy: toAway}},
		{"KMS, other account, identity denies", setting{by: bob, action: "kms:GenerateDataKey", resource: theKey, strict: true, identity: denyAll, kind: KeyPolicy, policy: toAway}},

		{"S3", setting{by: aliceUser(), action: "s3:GetObject", resource: object}},
		{"S3, no resource", setting{by: aliceUser(), action: "s3:ListAllMyBuckets", resource: "*"}},
		{"S3, other account", setting{by: bob, action: "s3:GetObject", resource: object, identity: allowAll}},
		{"S3, same organization", setting{by: bob, action: "s3:GetObject", resource: object, identity: allowAll, change: oneOrg}},
		{"S3, anonymous", setting{by: redoubt.Principal{Kind: redoubt.Anonymous}, action: "s3:GetObject", resource: object}},

		{"STS, not trusted", setting{by: aliceUser(), action: "sts:AssumeRole", resource: role, strict: true, identity: allowAll}},
		{"STS, not allowed", setting{by: aliceUser(), action: "sts:AssumeRole", resource: role, strict: true, kind: Trust, policy: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}`}},
		{"STS, denied by identity", setting{by: aliceUser(), action: "sts:AssumeRole", resource: role, strict: true, identity: denyAll}},
		{"STS, denied by trust", setting{by: aliceUser(), action: "sts:AssumeRole", resource: role, strict: true, kind: Trust, policy: `{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}`}},
		{"STS, web identity", setting{by: redoubt.Principal{Kind: redoubt.Federated}, action: "sts:AssumeRoleWithWebIdentity", resource: role, strict: true}},
		{"allowed", setting{by: aliceUser(), identity: allowAll}},
	} {
		r := c.s.request(t)
		fmt.Fprintf(&b, "%-40s %s\n", c.name+":", Evaluate(r).Message(r))
	}
	fixture(t, "messages.txt", b.String())
}
