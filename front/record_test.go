package front

import (
	"testing"

	"github.com/redoubt-sec/redoubt/engine/trail"
)

func TestOwnersOfUsedResourcesGetACopy(t *testing.T) {
	ev := &trail.Event{
		Account: "111111111111", EventID: "e", Name: "Decrypt",
		Identity: trail.Identity{Type: "IAMUser", ARN: "arn:aws:iam::111111111111:user/alice", PrincipalID: "AIDA1", AccountID: "111111111111", UserName: "alice", AccessKeyID: "AKIA1"},
		Resources: []trail.Resource{
			{ARN: "arn:aws:kms:us-east-1:222222222222:key/a", Account: "222222222222"},
			{ARN: "arn:aws:kms:us-east-1:222222222222:key/b", Account: "222222222222"},
			{ARN: "arn:aws:kms:us-east-1:111111111111:key/c", Account: "111111111111"},
		},
	}
	copies := shared(ev)
	if len(copies) != 1 || copies[0].Account != "222222222222" {
		t.Fatalf("%+v", copies)
	}
	c := copies[0]
	if ev.SharedID == "" || c.SharedID != ev.SharedID || c.EventID == ev.EventID {
		t.Errorf("ids: %+v, %+v", ev, c)
	}
	if c.Identity.ARN != "" || c.Identity.UserName != "" || c.Identity.AccessKeyID != "" || c.Identity.AccountID != "111111111111" {
		t.Errorf("the owner learns too much or too little: %+v", c.Identity)
	}
	if ev.Identity.UserName != "alice" {
		t.Error("the caller's own event lost its name")
	}
	if got := shared(&trail.Event{Account: "1", ErrorCode: "AccessDenied", Resources: ev.Resources}); got != nil {
		t.Errorf("a refusal was copied: %+v", got)
	}
}
