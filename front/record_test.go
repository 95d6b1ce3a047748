package front

import (
	"encoding/json"
	"strings"
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

const madeKey = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"

// created is what the event of a CreateKey records of its answer.
var created = []byte(`{"keyMetadata":{"aWSAccountId":"111111111111","keyId":"1234abcd-12ab-34cd-56ef-1234567890ab","arn":"` + madeKey +
	`","creationDate":"Nov 29, 2026, 12:00:00 AM","enabled":true,"description":"","keyUsage":"ENCRYPT_DECRYPT","keyState":"Enabled",` +
	`"origin":"AWS_KMS","keyManager":"CUSTOMER","encryptionAlgorithms":["SYMMETRIC_DEFAULT"],"multiRegion":false}}`)

func TestWhatACallMadeIsFoundInItsAnswer(t *testing.T) {
	for response, want := range map[string]string{
		string(created):                           madeKey,
		`{"arn":"ARN"}`:                           madeKey,
		`{"aRN":"ARN","name":"n"}`:                madeKey, // as Secrets Manager's ARN is recorded
		`{"name":"n","aRN":"ARN"}`:                madeKey,
		`{"key":{"arn":"x"},"arn":"ARN"}`:         madeKey, // its own goes first
		`{"key":{"a":[{"arn":"x"}],"arn":"ARN"}}`: madeKey,
		`{"key":{"arn":null}}`:                    "",
		`{"key":{"arn":"ARN"},"other":true}`:      "", // more than one thing
		`{"key":{"in":{"arn":"ARN"}}}`:            "",
		`{"keys":[{"arn":"ARN"}]}`:                "",
		`{"key":"ARN"}`:                           "",
		`{"key":{"arn":["ARN"]}}`:                 "",
		`{"arn":7,"key":{"arn":"ARN"}}`:           "",
		`{"arn":"arn:aws:kms:us-east-1:1:no/1"}`:  "", // of no kind that is known
		`{"arn":"ARN"`:                            "",
		`["ARN"]`:                                 "",
		`null`:                                    "",
		``:                                        "",
	} {
		response = strings.ReplaceAll(response, "ARN\"", madeKey+"\"")
		if got := madeARN([]byte(response)); got != want {
			t.Errorf("%s: %q, want %q", response, got, want)
		}
	}
}

// FuzzMadeARN: whatever an answer is, the one pass finds what decoding it does.
func FuzzMadeARN(f *testing.F) {
	f.Add(created)
	f.Add([]byte(`{"aRN":"` + madeKey + `","n":{"arn":""}}`))
	f.Add([]byte(`{"k":{"arn":"` + madeKey + `"}}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		got := madeARN(response)
		if got == "" || !json.Valid(response) {
			return // what is recorded is valid
		}
		var own struct{ ARN string }
		if err := json.Unmarshal(response, &own); err != nil {
			t.Fatalf("%s: %q of what is no answer: %v", response, got, err)
		}
		if own.ARN == "" {
			var one map[string]struct{ ARN string }
			if err := json.Unmarshal(response, &one); err != nil || len(one) != 1 {
				t.Fatalf("%s: %q: %v", response, got, err)
			}
			for _, o := range one {
				own = o
			}
		}
		if own.ARN != got {
			t.Errorf("%s: %q, want %q", response, got, own.ARN)
		}
	})
}

func BenchmarkMadeARN(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if madeARN(created) == "" {
			b.Fatal("not found")
		}
	}
}
