package secretsmanager

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// PutResourcePolicy replaces a secret's policy.
func (s *Service) PutResourcePolicy(ctx context.Context, c *redoubt.Call, in *api.PutResourcePolicyInput) (*api.PutResourcePolicyOutput, error) {
	sec, err := s.change(ctx, c, in.SecretId, func(tx *store.Tx, sec *Secret) error {
		doc, err := policy.Parse(*in.ResourcePolicy, policy.ResourceBased)
		if err != nil {
			return badPolicy(err)
		}
		if value(in.BlockPublicPolicy) && doc.Public() {
			return api.ErrPublicPolicyException.New("The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the secret.")
		}
		sec.Policy, err = s.ids.Bind(tx, doc)
		return badPolicy(err)
	})
	if err != nil {
		return nil, err
	}
	return &api.PutResourcePolicyOutput{ARN: &sec.ARN, Name: &sec.Name}, nil
}

// GetResourcePolicy answers the policy with the names that its principals have now.
func (s *Service) GetResourcePolicy(ctx context.Context, c *redoubt.Call, in *api.GetResourcePolicyInput) (*api.GetResourcePolicyOutput, error) {
	sec, err := live(ctx, c, in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &api.GetResourcePolicyOutput{ARN: &sec.ARN, Name: &sec.Name}
	if sec.Policy != nil {
		text, err := s.ids.Current(store.From(ctx), sec.Policy, policy.ResourceBased)
		if err != nil {
			return nil, err
		}
		out.ResourcePolicy = &text
	}
	return out, nil
}

// DeleteResourcePolicy takes the policy away; an absent one is no error.
func (s *Service) DeleteResourcePolicy(ctx context.Context, c *redoubt.Call, in *api.DeleteResourcePolicyInput) (*api.DeleteResourcePolicyOutput, error) {
	sec, err := s.change(ctx, c, in.SecretId, func(_ *store.Tx, sec *Secret) error {
		sec.Policy = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteResourcePolicyOutput{ARN: &sec.ARN, Name: &sec.Name}, nil
}

// ValidateResourcePolicy tries a policy without keeping it: whether it is one,
// gives nothing to everybody, and leaves the caller able to replace it.
func (s *Service) ValidateResourcePolicy(ctx context.Context, c *redoubt.Call, in *api.ValidateResourcePolicyInput) (*api.ValidateResourcePolicyOutput, error) {
	arn, account := c.ARN("secret:*"), c.Account
	if in.SecretId != nil {
		sec, err := live(ctx, c, in.SecretId)
		if err != nil {
			return nil, err
		}
		arn, account = sec.ARN, sec.Account
	}
	doc, err := policy.Parse(*in.ResourcePolicy, policy.ResourceBased)
	if err == nil {
		_, err = s.ids.Bind(store.From(ctx), doc)
	}
	if err != nil {
		return nil, badPolicy(err)
	}
	out := &api.ValidateResourcePolicyOutput{ValidationErrors: []api.ValidationErrorsEntry{}}
	say := func(check, text string) {
		out.ValidationErrors = append(out.ValidationErrors, api.ValidationErrorsEntry{CheckName: &check, ErrorMessage: &text})
	}
	if doc.Public() {
		say("PUBLIC_POLICY", "The resource policy allows broad access to the secret.")
	}
	if shutsOut(c, doc, arn, account) {
		say("LOCKOUT", "The resource policy denies the caller the right to replace it.")
	}
	out.PolicyValidationPassed = new(len(out.ValidationErrors) == 0)
	return out, nil
}

// shutsOut reports whether a policy denies its author the right to replace it.
// Whether their own policies allow it is not asked.
func shutsOut(c *redoubt.Call, doc *policy.Document, arn, account string) bool {
	r := &policy.Request{
		Call:     c,
		Need:     &redoubt.Need{Action: "secretsmanager:PutResourcePolicy", Resource: arn, Account: account, Policy: doc.Text()},
		Identity: []policy.Source{{Kind: policy.Identity, Name: "all", Document: allowAll}},
		Resource: &policy.Source{Kind: policy.ResourceBased, Attached: arn, Document: doc},
	}
	return !policy.Evaluate(r).Allowed
}

var allowAll = func() *policy.Document {
	doc, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, policy.Identity)
	if err != nil {
		panic(err)
	}
	return doc
}()

// isRefusal reports whether err is one that a client may see.
func isRefusal(err error) (*redoubt.Error, bool) {
	var e *redoubt.Error
	ok := errors.As(err, &e) && !e.Fault
	return e, ok
}
