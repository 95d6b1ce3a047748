package lambda

import (
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// prepared holds versions as the engine takes them, environment decrypted, for a
// while: a warm function must not cost a call of KMS each time.
type prepared struct {
	mu sync.Mutex
	by map[preparedKey]preparedFunction
}

type preparedKey struct{ id, number, build string }

type preparedFunction struct {
	fn *functions.Function
	at time.Time // wall time
}

const (
	// freshFor is how long a decrypted environment is used before KMS is asked
	// again.
	freshFor    = 5 * time.Minute
	maxPrepared = 1000
)

// prepare answers a target as the engine takes it.
func (s *Service) prepare(ctx context.Context, t target) (*functions.Function, error) {
	f, v := t.function, t.version
	key := preparedKey{f.ID, v.Number, v.build()}
	s.prepared.mu.Lock()
	p, ok := s.prepared.by[key]
	s.prepared.mu.Unlock()
	if ok && time.Since(p.at) < freshFor {
		return p.fn, nil
	}
	fn := &functions.Function{
		ARN: f.ARN + ":" + v.Number, Account: t.ref.account, Region: t.ref.region, Name: f.Name, Version: v.Number,
		Runtime: v.Runtime, Handler: v.Handler, Memory: int(v.Memory), Tmp: int(v.Storage), Timeout: time.Duration(v.Timeout) * time.Second,
		Revision: v.build(), LogGroup: v.logGroup(f), JSON: v.Logging.Format == "JSON", Level: v.Logging.Application,
	}
	if b := s.builtinNamed(f.Name); b != nil {
		fn.Builtin, fn.Env = b, v.Rules
		fn.Log = s.sink(t.ref, f, v)
		return fn, nil
	}
	var err error
	if fn.Env, err = s.openEnvironment(ctx, asRole(t.ref, f, v), f, v); err != nil {
		return nil, environmentTrouble(err)
	}
	if fn.Code, err = s.loader(t.ref.account, t.ref.region, v.Code.ID, v.Code.SHA256); err != nil {
		return nil, err
	}
	for _, l := range v.Layers {
		at, err := parseLayer(l.ARN)
		if err != nil {
			return nil, err
		}
		code, err := s.loader(at.account, at.region, l.Code, "")
		if err != nil {
			return nil, err
		}
		fn.Layers = append(fn.Layers, code)
	}
	fn.Credentials = func(ctx context.Context) (functions.Credentials, error) { return s.credentials(ctx, t.ref, f, v) }
	fn.Log = s.sink(t.ref, f, v)
	s.prepared.mu.Lock()
	defer s.prepared.mu.Unlock()
	if s.prepared.by == nil || len(s.prepared.by) >= maxPrepared {
		s.prepared.by = map[preparedKey]preparedFunction{}
	}
	s.prepared.by[key] = preparedFunction{fn, time.Now()}
	return fn, nil
}

// environmentTrouble is what Invoke answers when the environment does not open.
func environmentTrouble(err error) error {
	if errors.Is(err, identity.ErrNotTrusted) {
		return accessDenied("The role defined for the function cannot be assumed by Lambda.")
	}
	if why := keyRefusal(err); why != nil {
		return why
	}
	return err
}

// asRole acts as a function's execution role, in the session that the function
// itself has.
func asRole(r ref, f *Function, v *Version) op.As {
	as := op.Role("lambda", r.region, v.Role, f.Name)
	as.SourceARN, as.SourceAccount = f.ARN, r.account
	return as
}

// loader is a stored package as the engine takes it; without a hash it is looked up.
func (s *Service) loader(account, region, id, sha string) (functions.Code, error) {
	if sha == "" {
		p, err := packages.In(account, region).Get(s.DB.Begin(), id)
		if err != nil {
			return functions.Code{}, err
		}
		sha = p.SHA256
	}
	c := functions.Code{Load: func(context.Context) ([]byte, error) { return s.readCode(account, region, id) }}
	sum, err := base64.StdEncoding.DecodeString(sha)
	copy(c.SHA256[:], sum)
	return c, err
}

// credentials issues temporary credentials of a version's execution role.
func (s *Service) credentials(ctx context.Context, r ref, f *Function, v *Version) (out functions.Credentials, err error) {
	err = s.DB.Run(store.Without(ctx), func(ctx context.Context) error {
		p, err := s.Identity.AssumeFor(store.From(ctx), principal, r.region, v.Role, f.Name, redoubt.Via{SourceARN: f.ARN, SourceAccount: r.account})
		if errors.Is(err, identity.ErrNotTrusted) {
			return accessDenied("The role defined for the function cannot be assumed by Lambda.")
		}
		if err != nil {
			return err
		}
		t, err := s.Identity.Issue(p)
		if err != nil {
			return err
		}
		out = functions.Credentials{AccessKeyID: t.AccessKeyID, SecretAccessKey: t.Secret, SessionToken: t.Token, Expires: t.Expires}
		return nil
	})
	return out, err
}

// retire stops a function's warm instances once a change of it is durable. Other
// servers notice by its revision.
func (s *Service) retire(tx *store.Tx, f *Function) {
	tx.AfterCommit(func() {
		s.prepared.mu.Lock()
		for k := range s.prepared.by {
			if k.id == f.ID {
				delete(s.prepared.by, k)
			}
		}
		s.prepared.mu.Unlock()
		s.Engine.Retire(f.ARN)
	})
}
