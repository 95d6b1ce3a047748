package proof

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/store/etcd/etcdtest"
)

// right is something that can be given and taken away, and a use of it.
type right struct {
	name       string
	give, take func() error
	use        func() *answer
	on         *endpoint // where it is used
}

// attempt is one use of a right.
type attempt struct {
	from, to time.Time
	answer   *answer
}

// span is a time in which a right was certainly there, or certainly not: from the
// answer to one change until the next one was sent.
type span struct {
	from, to time.Time
	given    bool
}

// TestNoStaleAllow: once the server has acknowledged that a right is gone, no
// request that starts later succeeds on it; and none is refused that starts after
// the right was acknowledged. Many rights come and go at the same time, so that
// every cache is read while it is invalidated.
func TestNoStaleAllow(t *testing.T) {
	h := open(t, redoubttest.Options{})
	h.comeAndGo(t, h.rights(t, h.endpoint))
}

// Security requirement 8: the same where the change is made on one server and the
// use tried on the others, over one etcd.
func TestNoStaleAllowAcrossServers(t *testing.T) {
	cluster := etcdtest.Start(t, 1, etcdtest.Options{})
	key := filepath.Join(t.TempDir(), "seal.key")
	start := func() *house {
		return open(t, redoubttest.Options{Store: cluster.URL("proof", ""), Change: func(c *server.Config) { c.SealKey = key }})
	}
	h := start()
	others := []*endpoint{start().endpoint, start().endpoint}
	rights := h.rights(t, others[0])
	for i := range rights { // spread over the servers
		if i%2 == 1 {
			rights[i].on.url = others[1].url
		}
	}
	h.comeAndGo(t, rights)
}

func (h *house) comeAndGo(t *testing.T, rights []right) {
	length := 4 * time.Second
	if soak {
		length = time.Minute
	}
	var wg sync.WaitGroup
	var done atomic.Bool
	uses := make([][][]attempt, len(rights))
	spans := make([][]span, len(rights))
	failures := make(chan error, len(rights))
	for i, r := range rights {
		const users = 2
		uses[i] = make([][]attempt, users)
		var n atomic.Int64 // uses so far
		for u := range users {
			wg.Go(func() {
				for !done.Load() {
					a := attempt{from: time.Now()}
					a.answer = r.use()
					a.to = time.Now()
					uses[i][u] = append(uses[i][u], a)
					n.Add(1)
				}
			})
		}
		wg.Go(func() {
			given := true
			for !done.Load() {
				change := r.take
				if !given {
					change = r.give
				}
				if err := change(); err != nil {
					failures <- fmt.Errorf("%s: %w", r.name, err)
					done.Store(true)
					return
				}
				given = !given
				s := span{from: time.Now(), given: given}
				for before := n.Load(); n.Load() < before+2*users && !done.Load(); {
					time.Sleep(100 * time.Microsecond)
				}
				s.to = time.Now()
				spans[i] = append(spans[i], s)
			}
		})
	}
	time.Sleep(length)
	done.Store(true)
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Fatal(err)
	}
	total := 0
	for i, r := range rights {
		within, wrong := 0, 0
		for _, list := range uses[i] {
			total += len(list)
			k := 0
			for _, a := range list {
				for k < len(spans[i]) && spans[i][k].to.Before(a.from) {
					k++
				}
				if k == len(spans[i]) || a.from.Before(spans[i][k].from) || a.to.After(spans[i][k].to) {
					continue // overlaps a change
				}
				within++
				if s := spans[i][k]; a.answer.ok() != s.given {
					if wrong++; wrong <= 3 {
						t.Errorf("%s: given %v since %v, used %v later: %v", r.name, s.given, s.from, a.from.Sub(s.from), a.answer)
					}
				}
			}
		}
		t.Logf("%-40s %4d changes, %5d uses between them", r.name, len(spans[i]), within)
		if len(spans[i]) < 4 || within < 4 {
			t.Errorf("%s: too few changes and uses to mean anything", r.name)
		}
	}
	t.Logf("%d uses", total)
	h.log.quiet(t)
}

// rights are all given at first. They are changed here and used elsewhere.
func (h *house) rights(t *testing.T, elsewhere *endpoint) []right {
	err := func(a *answer) error {
		if a.ok() {
			return nil
		}
		return fmt.Errorf("%v", a)
	}
	iam := func(op string, in object) error { return err(h.call(&iamapi.Model, op, in, h.admin)) }
	kms := func(op string, in object) error { return err(h.call(&kmsapi.Model, op, in, h.admin)) }
	const describe = `{"Version":"2012-10-17","Statement":[{"Effect":"%s","Action":["kms:DescribeKey","kms:Encrypt"],"Resource":"*"%s}]}`
	allow := fmt.Sprintf(describe, "Allow", "")
	deny := fmt.Sprintf(describe, "Deny", "")
	name := func() string { return "stale" + fresh() }
	on := &endpoint{elsewhere.url, elsewhere.http} // of the next right
	// person is a user, and the use of a key by them.
	person := func(policy string) (string, credential, string, func() *answer) {
		n, at := name(), on
		c, key := h.user(t, n), h.key(t)
		if policy != "" {
			h.must(t, &iamapi.Model, "PutUserPolicy", object{"UserName": n, "PolicyName": "use", "PolicyDocument": policy}, h.admin)
		}
		return n, c, key, func() *answer {
			return at.call(&kmsapi.Model, "Encrypt", object{"KeyId": key, "Plaintext": []byte("x")}, c)
		}
	}
	managed := func(document string) string {
		return h.must(t, &iamapi.Model, "CreatePolicy", object{"PolicyName": name(), "PolicyDocument": document}, h.admin).at("Policy.Arn")
	}
	var list []right
	add := func(what string, give, take func() error, use func() *answer) {
		list = append(list, right{what, give, take, use, on})
		on = &endpoint{elsewhere.url, elsewhere.http}
	}

	{
		n, c, key, _ := person(allow)
		at := on
		var now atomic.Pointer[credential]
		now.Store(&c)
		add("access key, deleted", func() error {
			a := h.call(&iamapi.Model, "CreateAccessKey", object{"UserName": n}, h.admin)
			f := a.fields()
			now.Store(&credential{id: f.at("AccessKey.AccessKeyId"), secret: f.at("AccessKey.SecretAccessKey")})
			return err(a)
		}, func() error {
			return iam("DeleteAccessKey", object{"UserName": n, "AccessKeyId": now.Load().id})
		}, func() *answer {
			return at.call(&kmsapi.Model, "DescribeKey", object{"KeyId": key}, *now.Load())
		})
	}
	{
		n, c, _, use := person(allow)
		set := func(s string) func() error {
			return func() error {
				return iam("UpdateAccessKey", object{"UserName": n, "AccessKeyId": c.id, "Status": s})
			}
		}
		add("access key, inactive", set("Active"), set("Inactive"), use)
	}
	{
		n, _, _, use := person("")
		in := object{"UserName": n, "PolicyArn": managed(allow)}
		h.must(t, &iamapi.Model, "AttachUserPolicy", in, h.admin)
		add("managed policy, detached", func() error { return iam("AttachUserPolicy", in) }, func() error { return iam("DetachUserPolicy", in) }, use)
	}
	{
		n, _, _, use := person("")
		arn := managed(allow)
		h.must(t, &iamapi.Model, "AttachUserPolicy", object{"UserName": n, "PolicyArn": arn}, h.admin)
		h.must(t, &iamapi.Model, "CreatePolicyVersion", object{"PolicyArn": arn, "PolicyDocument": deny}, h.admin)
		set := func(v string) func() error {
			return func() error {
				return iam("SetDefaultPolicyVersion", object{"PolicyArn": arn, "VersionId": v})
			}
		}
		add("managed policy, other version", set("v1"), set("v2"), use)
	}
	{
		n, _, _, use := person(allow)
		add("inline policy, deleted", func() error {
			return iam("PutUserPolicy", object{"UserName": n, "PolicyName": "use", "PolicyDocument": allow})
		}, func() error { return iam("DeleteUserPolicy", object{"UserName": n, "PolicyName": "use"}) }, use)
	}
	{
		n, _, _, use := person(allow)
		add("inline policy, a deny more", func() error {
			return iam("DeleteUserPolicy", object{"UserName": n, "PolicyName": "stop"})
		}, func() error {
			return iam("PutUserPolicy", object{"UserName": n, "PolicyName": "stop", "PolicyDocument": deny})
		}, use)
	}
	{
		n, _, _, use := person("")
		g := object{"GroupName": n, "UserName": n}
		h.must(t, &iamapi.Model, "CreateGroup", object{"GroupName": n}, h.admin)
		h.must(t, &iamapi.Model, "PutGroupPolicy", object{"GroupName": n, "PolicyName": "use", "PolicyDocument": allow}, h.admin)
		h.must(t, &iamapi.Model, "AddUserToGroup", g, h.admin)
		add("group, left", func() error { return iam("AddUserToGroup", g) }, func() error { return iam("RemoveUserFromGroup", g) }, use)
	}
	{
		n, _, _, use := person(allow)
		arn := managed(deny)
		add("permissions boundary", func() error { return iam("DeleteUserPermissionsBoundary", object{"UserName": n}) },
			func() error {
				return iam("PutUserPermissionsBoundary", object{"UserName": n, "PermissionsBoundary": arn})
			}, use)
	}
	{
		n, c, _, _ := person("")
		key, at := h.key(t), on
		h.must(t, &iamapi.Model, "PutUserPolicy", object{"UserName": n, "PolicyName": "use", "PolicyDocument": fmt.Sprintf(describe, "Allow", `,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`)}, h.admin)
		tag := func(v string) func() error {
			return func() error {
				return iam("TagUser", object{"UserName": n, "Tags": []any{object{"Key": "team", "Value": v}}})
			}
		}
		if e := tag("blue")(); e != nil {
			t.Fatal(e)
		}
		add("tag of the caller", tag("blue"), tag("red"), func() *answer {
			return at.call(&kmsapi.Model, "Encrypt", object{"KeyId": key, "Plaintext": []byte("x")}, c)
		})
	}
	{
		_, _, key, use := person(allow)
		add("key, disabled", func() error { return kms("EnableKey", object{"KeyId": key}) }, func() error { return kms("DisableKey", object{"KeyId": key}) }, use)
	}
	{
		n, _, key, use := person(allow)
		document := func(more string) string {
			return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"kms:*","Resource":"*"}` + more + `]}`
		}
		put := func(more string) func() error {
			return func() error { return kms("PutKeyPolicy", object{"KeyId": key, "Policy": document(more)}) }
		}
		add("key policy", put(""), put(`,{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::123456789012:user/`+n+`"},"Action":"kms:Encrypt","Resource":"*"}`), use)
	}
	{
		_, _, key, use := person(fmt.Sprintf(describe, "Allow", `,"Condition":{"StringEquals":{"aws:ResourceTag/open":"yes"}}`))
		tag := func(v string) func() error {
			return func() error {
				return kms("TagResource", object{"KeyId": key, "Tags": []any{object{"TagKey": "open", "TagValue": v}}})
			}
		}
		if e := tag("yes")(); e != nil {
			t.Fatal(e)
		}
		add("tag of the key", tag("yes"), tag("no"), use)
	}
	{
		n, _, key, use := person("")
		var grant atomic.Pointer[string]
		give := func() error {
			a := h.call(&kmsapi.Model, "CreateGrant", object{"KeyId": key, "GranteePrincipal": "arn:aws:iam::123456789012:user/" + n, "Operations": []any{"Encrypt"}}, h.admin)
			grant.Store(new(a.fields().at("GrantId")))
			return err(a)
		}
		if e := give(); e != nil {
			t.Fatal(e)
		}
		add("grant, revoked", give, func() error { return kms("RevokeGrant", object{"KeyId": key, "GrantId": *grant.Load()}) }, use)
	}
	{
		_, _, key, _ := person("")
		n, at := name(), on
		role := h.must(t, &iamapi.Model, "CreateRole", object{"RoleName": n, "AssumeRolePolicyDocument": trustAll}, h.admin).at("Role.Arn")
		put := object{"RoleName": n, "PolicyName": "use", "PolicyDocument": allow}
		h.must(t, &iamapi.Model, "PutRolePolicy", put, h.admin)
		c := h.session(t, role)
		use := func() *answer {
			return at.call(&kmsapi.Model, "Encrypt", object{"KeyId": key, "Plaintext": []byte("x")}, c)
		}
		add("role's policy, session running", func() error { return iam("PutRolePolicy", put) },
			func() error { return iam("DeleteRolePolicy", object{"RoleName": n, "PolicyName": "use"}) }, use)
	}
	{
		n, at := name(), on
		c := h.user(t, n)
		h.must(t, &iamapi.Model, "PutUserPolicy", object{"UserName": n, "PolicyName": "use", "PolicyDocument": allowAll}, h.admin)
		role := h.must(t, &iamapi.Model, "CreateRole", object{"RoleName": n, "AssumeRolePolicyDocument": trustAll}, h.admin).at("Role.Arn")
		trust := func(document string) func() error {
			return func() error {
				return iam("UpdateAssumeRolePolicy", object{"RoleName": n, "PolicyDocument": document})
			}
		}
		other := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}]}`
		add("trust policy", trust(trustAll), trust(other), func() *answer { return at.assume(role, c) })
	}
	return list
}
