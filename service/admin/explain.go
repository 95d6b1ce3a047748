package admin

import (
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/op"
	"net/url"
)

// ExplainAccess decides a supposed call and says which statement of which
// policy decided and why the others did not match. The policies of KMS keys and
// roles are fetched with the caller's own rights.
func (s *Service) ExplainAccess(ctx context.Context, c *redoubt.Call, in *redoubtapi.ExplainAccessInput) (*redoubtapi.ExplainAccessOutput, error) {
	need := redoubt.Need{Action: *in.Action, Resource: "*"}
	if r := deref(in.ResourceArn); r != "" {
		need.Resource = r
		if a, err := redoubt.ParseARN(r); err == nil {
			need.Account = a.Account
		}
	}
	region := c.Region
	if in.Region != nil {
		region = *in.Region
	}
	if in.ResourcePolicy != nil {
		need.Policy = *in.ResourcePolicy
	} else if err := s.fetchPolicy(ctx, c, &need); err != nil {
		return nil, err
	}
	trace, err := s.Explainer.Explain(ctx, *in.PrincipalArn, region, need, in.Context)
	var missing *identity.NotFound
	if errors.As(err, &missing) {
		return nil, redoubtapi.ErrNoSuchPrincipalException.New("There is no %s %s.", missing.Noun, missing.Name)
	}
	if err != nil {
		return nil, redoubt.ErrValidation.New("%s", err)
	}
	out := &redoubtapi.ExplainAccessOutput{Allowed: &trace.Allowed, Reason: &trace.Reason, Trace: new(trace.Text())}
	if trace.Message != "" {
		out.Message = &trace.Message
	}
	return out, nil
}

// fetchPolicy fills in the policy of resources that always have one.
func (s *Service) fetchPolicy(ctx context.Context, c *redoubt.Call, need *redoubt.Need) error {
	a, err := redoubt.ParseARN(need.Resource)
	if err != nil {
		return nil // "*" or a pattern: no one resource
	}
	switch kind, name, _ := strings.Cut(a.Resource, "/"); {
	case a.Service == "kms" && kind == "key":
		as := op.Forward(c, "redoubt")
		as.Region = a.Region
		out, err := op.Invoke(ctx, s.Invoker, as, kmsapi.OpGetKeyPolicy, &kmsapi.GetKeyPolicyInput{KeyId: &need.Resource})
		if err != nil {
			return err
		}
		need.Policy, need.Strict = *out.Policy, true
	case a.Service == "iam" && kind == "role" && strings.HasPrefix(need.Action, "sts:"):
		name = name[strings.LastIndexByte(name, '/')+1:]
		out, err := op.Invoke(ctx, s.Invoker, op.Forward(c, "redoubt"), iamapi.OpGetRole, &iamapi.GetRoleInput{RoleName: &name})
		if err != nil {
			return err
		}
		if need.Policy, err = url.QueryUnescape(*out.Role.AssumeRolePolicyDocument); err != nil {
			return err
		}
		need.Strict = true
	}
	return nil
}
