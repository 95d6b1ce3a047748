package proof

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// promise is a change that the server acknowledged.
type promise struct {
	svc       *schema.Service
	operation string
	requestID string
	// kept checks that the change is there; nil: a later one has replaced it.
	kept func(p *process) error
}

// TestKill: killed in the middle of writes from 32 clients, again and again, the
// server opens every time and has all that it acknowledged, with the event of
// each. What was sent and not acknowledged may or may not be there, but whole.
func TestKill(t *testing.T) {
	rounds, least := 4, 200
	if soak {
		rounds, least = 60, 2000
	}
	data := filepath.Join(t.TempDir(), "data")
	p := launch(t, data)
	total := 0
	for round := range rounds {
		// An account of its own for each round: accounts have quotas.
		made := p.must(t, &redoubtapi.Model, "CreateAccount", object{}, p.admin)
		account, by := made.at("AccountId"), credential{id: made.at("AccessKeyId"), secret: made.at("SecretAccessKey")}
		var over atomic.Bool
		var wg sync.WaitGroup
		var done atomic.Int64
		promises := make([][]promise, 32)
		for w := range promises {
			wg.Go(func() { promises[w] = write(p, &over, &done, account, by, w) })
		}
		until(t, &done, int64(least+rand.IntN(2*least)))
		p.kill()
		over.Store(true)
		wg.Wait()

		p = launch(t, data)
		acknowledged := map[string]promise{}
		for _, list := range promises {
			for _, m := range list {
				if m.requestID != "" {
					acknowledged[m.requestID] = m
				}
			}
		}
		total += len(acknowledged)
		if len(acknowledged) < 50 {
			t.Errorf("round %d: only %d changes", round, len(acknowledged))
		}
		// The newest events are this round's: the server has just started.
		recorded := map[string]int{}
		for _, r := range p.events(t, by, len(acknowledged)/50+10) {
			if m, ok := acknowledged[r.RequestID]; ok && m.operation == r.EventName && m.svc.EventSource == r.EventSource {
				recorded[r.RequestID]++
			}
		}
		for id, m := range acknowledged {
			if recorded[id] != 1 {
				t.Errorf("round %d: %s was acknowledged, and there are %d events of it", round, m.operation, recorded[id])
			}
		}
		for _, list := range promises {
			wg.Go(func() {
				for _, m := range list {
					if m.kept == nil {
						continue
					}
					if err := m.kept(p); err != nil {
						t.Errorf("round %d: %s was acknowledged: %v", round, m.operation, err)
					}
				}
			})
		}
		wg.Wait()
		p.quiet(t)
	}
	t.Logf("%d acknowledged changes over %d kills", total, rounds)
	p.stop(t)
}

// write changes things of its own until the server is gone. Every thing is
// changed by one client only, so that the last acknowledged state is known.
func write(p *process, over *atomic.Bool, done *atomic.Int64, account string, by credential, worker int) (list []promise) {
	key, policyTried, tagTried := "", "", ""
	for n := 0; !over.Load(); n++ {
		if n%160 == 0 { // a key has 50 aliases
			a := p.call(&kmsapi.Model, "CreateKey", object{}, by)
			if !a.ok() {
				break
			}
			made := a.fields().at("KeyMetadata.KeyId")
			key = made
			list = append(list, promise{&kmsapi.Model, "CreateKey", a.header.Get("X-Amzn-Requestid"), func(p *process) error {
				return has(p.call(&kmsapi.Model, "DescribeKey", object{"KeyId": made}, by), made)
			}})
		}
		name := fmt.Sprintf("w%dn%d", worker, n)
		m := promise{svc: &kmsapi.Model}
		var in object
		key := key
		switch n % 4 {
		case 0:
			m.operation, in = "CreateAlias", object{"AliasName": "alias/" + name, "TargetKeyId": key}
			m.kept = func(p *process) error {
				return has(p.call(&kmsapi.Model, "DescribeKey", object{"KeyId": "alias/" + name}, by), key)
			}
		case 1:
			m.svc, m.operation, in = &iamapi.Model, "CreateUser", object{"UserName": name, "Path": "/" + name + "/"}
			m.kept = func(p *process) error {
				return has(p.call(&iamapi.Model, "GetUser", object{"UserName": name}, by), "/"+name+"/")
			}
		case 2:
			m.operation = "PutKeyPolicy"
			in = object{"KeyId": key, "Policy": `{"Version":"2012-10-17","Statement":[{"Sid":"` + name + `","Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"kms:*","Resource":"*"}]}`}
			policyTried = name
		case 3:
			m.operation, in = "TagResource", object{"KeyId": key, "Tags": []any{object{"TagKey": "last", "TagValue": name}}}
			tagTried = name
		}
		a := p.call(m.svc, m.operation, in, by)
		if a.err != nil {
			break
		}
		if !a.ok() {
			return append(list, promise{m.svc, m.operation, "", func(*process) error { return fmt.Errorf("refused: %v", a) }})
		}
		m.requestID = a.header.Get("X-Amzn-Requestid")
		done.Add(1)
		list = append(list, m)
		// Of what is overwritten only the last acknowledged value counts, or the one
		// that was under way.
		acknowledged := name
		switch m.operation {
		case "PutKeyPolicy":
			forget(list[:len(list)-1], "PutKeyPolicy")
			list[len(list)-1].kept = func(p *process) error {
				return has(p.call(&kmsapi.Model, "GetKeyPolicy", object{"KeyId": key}, by), acknowledged, policyTried)
			}
		case "TagResource":
			forget(list[:len(list)-1], "TagResource")
			list[len(list)-1].kept = func(p *process) error {
				return has(p.call(&kmsapi.Model, "ListResourceTags", object{"KeyId": key}, by), acknowledged, tagTried)
			}
		}
	}
	return list
}

// until waits for so many changes: how long they take is the machine's.
func until(t *testing.T, done *atomic.Int64, n int64) {
	t.Helper()
	for start := time.Now(); done.Load() < n; time.Sleep(time.Millisecond) {
		if time.Since(start) > 2*time.Minute {
			t.Errorf("%d changes in two minutes, want %d", done.Load(), n)
			return
		}
	}
}

func forget(list []promise, operation string) {
	for i := range list {
		if list[i].operation == operation {
			list[i].kept = nil
		}
	}
}

// has checks that an answer holds one of the texts.
func has(a *answer, texts ...string) error {
	if !a.ok() {
		return fmt.Errorf("%v", a)
	}
	for _, s := range texts {
		if strings.Contains(string(a.body), s) {
			return nil
		}
	}
	return fmt.Errorf("none of %v in %s", texts, a.body)
}
