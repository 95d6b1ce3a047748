package secretsmanager

import (
	"context"
	"encoding/json"
	"io"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/engine/rotate"
	"github.com/redoubt-sec/redoubt/store"
)

// A managed secret is rotated by the service that owns it: RotateSecret takes no
// function for it. Here that service is this server itself, which an administrator
// makes the owner, and what it does is what the built-in functions do, without
// Lambda between.

// owner is the OwningService of managed secrets.
const owner = "redoubt"

// Manage makes this server the owner of a secret, for "one" user or "two" that take
// turns, or with "none" ends that. That the caller may do so, and read the value, is
// for whoever calls this to decide. It rotates nothing: RotateSecret does.
func (s *Service) Manage(ctx context.Context, c *redoubt.Call, id, users string) (string, error) {
	sec, err := s.change(ctx, c, &id, func(tx *store.Tx, sec *Secret) error {
		r := sec.Rotation
		switch {
		case sec.Account != c.Account || sec.Primary != "":
			return api.ErrInvalidRequestException.New("The secret belongs to another account or is a replica.")
		case r != nil && r.Active != nil || busy(sec):
			return errBusy()
		case users == "none":
			if r == nil || !r.Managed {
				return errSame
			}
			sec.Rotation = nil
			return s.stopClock(tx, sec)
		case r != nil && !r.Managed && r.Enabled:
			return api.ErrInvalidRequestException.New("The secret is rotated by a Lambda function. Cancel that rotation first.")
		}
		f, err := s.driverOf(ctx, c, sec, users)
		if err != nil {
			return err
		}
		next := &Rotation{Managed: true}
		if r != nil && r.Managed {
			*next = *r
		}
		next.Function = redoubt.ARN{Partition: redoubt.Partition(sec.Region), Service: "lambda", Region: sec.Region, Account: sec.Account, Resource: "function:" + f.Name}.String()
		sec.Rotation = next
		return nil
	})
	if err != nil {
		return "", err
	}
	return sec.owner(), nil
}

// driverOf is the function for what a secret's current value says of its database.
func (s *Service) driverOf(ctx context.Context, c *redoubt.Call, sec *Secret, users string) (*rotate.Function, error) {
	v, err := choose(store.From(ctx), sec, nil, nil)
	if err != nil {
		return nil, err
	}
	val, err := s.open(ctx, c, sec, v)
	if err != nil {
		return nil, err
	}
	defer wipe(val)
	var doc struct {
		Engine string `json:"engine"`
	}
	scheme := map[string]rotate.Scheme{"one": rotate.SingleUser, "two": rotate.MultiUser}[users]
	if json.Unmarshal(val.text, &doc) == nil && s.rotators != nil {
		if f := s.rotators.For(doc.Engine, scheme); f != nil {
			return f, nil
		}
	}
	return nil, api.ErrInvalidRequestException.New("The secret's value is no JSON object whose engine is a kind of database that this server rotates.")
}

// owner is the OwningService that answers show; empty: nobody's but the customer's.
func (s *Secret) owner() string {
	if s.Rotation != nil && s.Rotation.Managed {
		return owner
	}
	return ""
}

// function is the RotationLambdaARN that answers show.
func (r *Rotation) function() *string {
	if r.Managed {
		return nil
	}
	return present(r.Function)
}

// manage does a step of a managed rotation.
func (s *Service) manage(ctx context.Context, k *call, event []byte) (failure string, err error) {
	f := s.rotators.Function(functionName(k.sec.Rotation.Function))
	if f == nil {
		return "This server has no rotation of this kind any more.", nil
	}
	_, err = s.step(ctx, f, functions.Event{Account: k.sec.Account, Region: k.sec.Region, RequestID: newToken(), Payload: event}, io.Discard)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return redact(err.Error()), nil
	}
	return "", nil
}

// reachable refuses a function that Secrets Manager may not invoke, and asks nobody
// where none is needed.
func (s *Service) reachable(ctx context.Context, sec *Secret, r *Rotation) error {
	if r.Managed {
		return nil
	}
	return s.invocable(ctx, sec, r.Function)
}
