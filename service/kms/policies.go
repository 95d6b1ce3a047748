package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Principals knows who exists. Key policies and grants may name only those, and
// hold on to them by unique id (AIDA…, AROA…), so that whoever is created later
// under the same name inherits nothing.
type Principals interface {
	// PrincipalID answers the unique id of the user or role that arn names, or
	// "" for what has none of its own (accounts, sessions). ok is false if there
	// is no such principal.
	PrincipalID(tx *store.Tx, arn string) (id string, ok bool, err error)
	// PrincipalARN undoes PrincipalID; ok is false if the principal is gone.
	PrincipalARN(tx *store.Tx, id string) (arn string, ok bool, err error)
}

// policyName is the only name that a key policy can have.
const policyName = "default"

// PutKeyPolicy replaces a key's policy.
func (s *Service) PutKeyPolicy(ctx context.Context, c *redoubt.Call, in *kmsapi.PutKeyPolicyInput) (*kmsapi.PutKeyPolicyOutput, error) {
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	_, err := s.change(ctx, c, in.KeyId, func(_ *store.Tx, k *Key) (err error) {
		k.Policy, err = s.newPolicy(ctx, c, k, in.Policy, value(in.BypassPolicyLockoutSafetyCheck))
		return err
	})
	return nil, err
}

// GetKeyPolicy answers a key's policy, laid out as AWS does.
func (s *Service) GetKeyPolicy(ctx context.Context, c *redoubt.Call, in *kmsapi.GetKeyPolicyInput) (*kmsapi.GetKeyPolicyOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	if err := checkPolicyName(in.PolicyName); err != nil {
		return nil, err
	}
	text, err := s.shownPolicy(store.From(ctx), k.Policy)
	return &kmsapi.GetKeyPolicyOutput{Policy: &text, PolicyName: new(policyName)}, err
}

// ListKeyPolicies lists the one policy name that there is.
func (s *Service) ListKeyPolicies(ctx context.Context, c *redoubt.Call, in *kmsapi.ListKeyPoliciesInput) (*kmsapi.ListKeyPoliciesOutput, error) {
	k, err := s.key(ctx, c, in.KeyId, byID)
	if err != nil {
		return nil, err
	}
	p, err := s.page(c, in.Limit, in.Marker, keyPages, k.ID)
	if err != nil {
		return nil, err
	}
	out := &kmsapi.ListKeyPoliciesOutput{PolicyNames: []string{policyName}}
	out.Truncated, out.NextMarker, err = p.end()
	return out, err
}

func checkPolicyName(name *string) error {
	if name != nil && *name != policyName {
		return kmsapi.ErrNotFoundException.New("No such policy exists")
	}
	return nil
}

// newPolicy checks a policy that the caller wants to give to k, and answers it
// as it is stored; without one, the default.
func (s *Service) newPolicy(ctx context.Context, c *redoubt.Call, k *Key, text *string, bypass bool) (string, error) {
	if text == nil {
		return defaultPolicy(c.Partition, k.Account), nil
	}
	if len(*text) > maxPolicy {
		return "", kmsapi.ErrLimitExceededException.New("The key policy exceeds the limit of %d bytes.", maxPolicy)
	}
	doc, err := policy.Parse(*text, policy.KeyPolicy)
	if err != nil {
		return "", malformed(err)
	}
	stored, err := s.bindPrincipals(store.From(ctx), doc)
	if err != nil {
		return "", err
	}
	if bypass {
		return stored, nil
	}
	if doc, err = policy.Parse(stored, policy.KeyPolicy); err != nil {
		return "", err
	}
	if !s.keepsControl(c, k, doc) {
		return "", kmsapi.ErrMalformedPolicyDocumentException.New("The new key policy will not allow you to update the key policy in the future.")
	}
	return stored, nil
}

// malformed words the refusal of a text that is no key policy.
func malformed(err error) error {
	var syntax *policy.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	e := kmsapi.ErrMalformedPolicyDocumentException.New("%s", syntax.Message)
	e.Cause = err
	return e
}

// keepsControl is AWS's lock-out check: the policy must let the caller replace
// it, directly or by delegating to the account. Whether the caller's own
// policies then allow it is not asked, so they are taken to allow all.
func (s *Service) keepsControl(c *redoubt.Call, k *Key, doc *policy.Document) bool {
	n := &redoubt.Need{
		Action: "kms:PutKeyPolicy", Resource: k.ARN, Account: k.Account, Strict: true, Policy: doc.Text(),
		Tags: s.derived(k).tags, Conditions: s.derived(k).conditions,
	}
	r := &policy.Request{
		Call: c, Need: n,
		Identity: []policy.Source{{Kind: policy.Identity, Name: "all", Document: allowAll}},
		Resource: &policy.Source{Kind: policy.KeyPolicy, Attached: k.ARN, Document: doc},
	}
	return policy.Evaluate(r).Allowed
}

var allowAll = func() *policy.Document {
	doc, err := policy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, policy.Identity)
	if err != nil {
		panic(err)
	}
	return doc
}()

// bindPrincipals refuses principals that do not exist and answers the text with
// the unique ids of those that have one.
func (s *Service) bindPrincipals(tx *store.Tx, doc *policy.Document) (string, error) {
	if s.principals == nil {
		return doc.Text(), nil
	}
	var failed error
	text := doc.Rename(func(n policy.Named) string {
		if n.Type != "AWS" || n.Value == "*" || failed != nil {
			return n.Value
		}
		if isAccount(n.Value) {
			return "arn:aws:iam::" + n.Value + ":root" // as it reads back
		}
		if isUniqueID(n.Value) {
			// Answered by GetKeyPolicy for a principal that is gone, and sent
			// back: AWS refuses it too.
			_, ok, err := s.principals.PrincipalARN(tx, n.Value)
			failed = invalidPrincipal(ok, err)
			return n.Value
		}
		id, ok, err := s.principals.PrincipalID(tx, n.Value)
		if failed = invalidPrincipal(ok, err); failed == nil && id != "" {
			return id
		}
		return n.Value
	})
	return text, failed
}

func invalidPrincipal(ok bool, err error) error {
	if err == nil && !ok {
		return kmsapi.ErrMalformedPolicyDocumentException.New("Policy contains a statement with one or more invalid principals.")
	}
	return err
}

// shownPolicy answers a stored policy as callers see it: with ARNs where the
// principals still exist, with their ids where they do not.
func (s *Service) shownPolicy(tx *store.Tx, stored string) (string, error) {
	doc, err := policy.Parse(stored, policy.KeyPolicy)
	if err != nil {
		return "", fmt.Errorf("kms: stored policy: %w", err)
	}
	var failed error
	text := doc.Rename(func(n policy.Named) string {
		if n.Type != "AWS" || !isUniqueID(n.Value) || s.principals == nil {
			return n.Value
		}
		arn, ok, err := s.principals.PrincipalARN(tx, n.Value)
		if err != nil {
			failed = err
		}
		if !ok {
			return n.Value
		}
		return arn
	})
	return layOut(text), failed
}

// isUniqueID tells unique ids of users and roles from ARNs and accounts.
func isUniqueID(s string) bool {
	return strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")
}

// defaultPolicy delegates to the account: its IAM policies decide.
func defaultPolicy(partition, account string) string {
	return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:` + partition + `:iam::` + account + `:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}
