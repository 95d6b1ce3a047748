package policy

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// What the owner of a key may write into its policy, and whoever calls into a
// request, must not keep a processor busy for minutes; and what could not be
// decided is refused, whichever way the policy would have turned it.
func TestLargePoliciesAndRequests(t *testing.T) {
	const size = 30000
	text := strings.Repeat("a", size)
	many := map[string][]string{}
	for i := range 100_000 {
		many[fmt.Sprint("kms:EncryptionContext:", i)] = []string{""}
	}
	var keys, patterns []string
	for i := range size / 20 {
		keys = append(keys, fmt.Sprintf(`"k:%d":"x"`, i))
		patterns = append(patterns, fmt.Sprintf(`"*%d?a*b%d"`, i, i))
	}
	for name, c := range map[string]struct {
		condition  string
		conditions map[string][]string
	}{
		"star":      {`{"StringLike":{"k":"*` + text + `b"}}`, map[string][]string{"k": {strings.Repeat("a", 1<<20)}}},
		"not":       {`{"StringNotLike":{"k":"*` + text + `b"}}`, map[string][]string{"k": {strings.Repeat("a", 1<<20)}}},
		"question":  {`{"StringLike":{"k":"*` + strings.Repeat("?", size) + `b"}}`, map[string][]string{"k": {strings.Repeat("a", 1<<20)}}},
		"arn":       {`{"ArnLike":{"k":"arn:*:*:*:*:*` + text + `b"}}`, map[string][]string{"k": {"arn:a:b:c:d:" + strings.Repeat("a", 1<<20)}}},
		"variable":  {`{"StringLike":{"k":"*${k:v}b"}}`, map[string][]string{"k": {strings.Repeat("a", 1<<20)}, "k:v": {strings.Repeat("a", 1<<19)}}},
		"many keys": {`{"StringNotEquals":{` + strings.Join(keys, ",") + `}}`, many},
		"many":      {`{"StringLike":{"k":[` + strings.Join(patterns, ",") + `]}}`, map[string][]string{"k": {strings.Repeat("1a", 1<<19)}}},
	} {
		for _, effect := range []string{"Allow", "Deny"} {
			d, err := Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"},
				{"Effect":"`+effect+`","Principal":"*","Action":"*","Resource":"*","Condition":`+c.condition+`}]}`, KeyPolicy)
			if err != nil {
				t.Fatal(name, err)
			}
			r := &Request{
				Call:     &redoubt.Call{Principal: redoubt.Principal{Kind: redoubt.User, Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/u"}},
				Need:     &redoubt.Need{Action: "kms:Encrypt", Resource: "arn:aws:kms:us-east-1:111111111111:key/k", Strict: true, Conditions: c.conditions},
				Resource: &Source{Kind: KeyPolicy, Document: d},
			}
			if effect == "Allow" {
				d.statements = d.statements[1:] // alone, or the first allows
			}
			before := worked()
			got := Evaluate(r)
			if took := worked() - before; took > 5*time.Second {
				t.Errorf("%s %s took %v of a processor", name, effect, took)
			}
			if got.Allowed || got.Reason != Undecided {
				t.Errorf("%s %s: %+v", name, effect, got)
			}
			if !strings.Contains(got.Message(r), "too large") {
				t.Error(got.Message(r))
			}
			// The next one starts afresh.
			r.Need.Conditions = map[string][]string{"k": {"x"}}
			if Evaluate(r).Reason == Undecided {
				t.Errorf("%s %s: an evaluation inherits from the one before", name, effect)
			}
		}
	}
}

// worked is the processor time that this program has had: how long it waited for a
// busy machine does not count.
func worked() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
