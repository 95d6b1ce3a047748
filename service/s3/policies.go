package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
)

// maxPolicy is in bytes. Source: Amazon S3 User Guide, "Bucket policies".
const maxPolicy = 20 << 10

// PutBucketPolicy replaces the bucket's policy.
func (s *Service) PutBucketPolicy(ctx context.Context, c *redoubt.Call, in *api.PutBucketPolicyInput) (*api.PutBucketPolicyOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if c.Account != b.Account {
		return nil, notOwner()
	}
	tx := store.From(ctx)
	text, doc, err := s.newPolicy(tx, value(in.Policy), b.arn())
	if err != nil {
		return nil, err
	}
	blocks, err := b.blocks(tx)
	if err != nil {
		return nil, err
	}
	if blocks.Policy && doc.Public() {
		return nil, redoubt.ErrAccessDenied.New("User: %s is not authorized to perform: s3:PutBucketPolicy on resource: %q because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.", c.Principal.ARN, b.arn())
	}
	_, err = edit(ctx, in.Bucket, func(b *Bucket) error {
		b.Policy, b.Public = text, doc.Public()
		return nil
	})
	return nil, err
}

func notOwner() error {
	return refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
}

// GetBucketPolicy answers the policy with the ARNs of principals that exist.
func (s *Service) GetBucketPolicy(ctx context.Context, c *redoubt.Call, in *api.GetBucketPolicyInput) (*api.GetBucketPolicyOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if c.Account != b.Account {
		return nil, notOwner()
	}
	if b.Policy == "" {
		return nil, noPolicy(b)
	}
	c.Say("Content-Type", "application/json")
	text, err := s.shownPolicy(store.From(ctx), b.Policy)
	return &api.GetBucketPolicyOutput{Policy: &text}, err
}

func noPolicy(b *Bucket) error {
	return noSuchConfiguration("NoSuchBucketPolicy", "The bucket policy does not exist", b.Name)
}

// DeleteBucketPolicy removes the policy; a bucket without one is no error.
func (s *Service) DeleteBucketPolicy(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketPolicyInput) (*api.DeleteBucketPolicyOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if c.Account != b.Account {
		return nil, notOwner()
	}
	_, err = edit(ctx, in.Bucket, func(b *Bucket) error { b.Policy, b.Public = "", false; return nil })
	return nil, err
}

// GetBucketPolicyStatus answers whether the policy is public.
func (s *Service) GetBucketPolicyStatus(ctx context.Context, c *redoubt.Call, in *api.GetBucketPolicyStatusInput) (*api.GetBucketPolicyStatusOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if b.Policy == "" {
		return nil, noPolicy(b)
	}
	return &api.GetBucketPolicyStatusOutput{PolicyStatus: &api.PolicyStatus{IsPublic: &b.Public}}, nil
}

// newPolicy checks a policy that shall hold for the resource, and what lies below
// it, and answers it as it is stored: with the unique ids of principals.
func (s *Service) newPolicy(tx *store.Tx, text, resource string) (string, *policy.Document, error) {
	if len(text) > maxPolicy {
		return "", nil, malformedPolicy("Policies cannot exceed the maximum allowed size of 20480 bytes", "")
	}
	if !strings.HasPrefix(strings.TrimSpace(text), "{") || !json.Valid([]byte(text)) {
		return "", nil, malformedPolicy("Policies must be valid JSON and the first byte must be '{'", "")
	}
	var named map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &named); err != nil {
		return "", nil, err
	}
	if _, ok := named["Statement"]; !ok {
		return "", nil, malformedPolicy("Missing required field Statement", "")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(text)); err != nil {
		return "", nil, err
	}
	doc, err := policy.Parse(compact.String(), policy.ResourceBased)
	if syntax, ok := errors.AsType[*policy.SyntaxError](err); ok {
		return "", nil, malformedPolicy(syntax.Message, syntax.Detail)
	}
	if err != nil {
		return "", nil, err
	}
	if err := checkStatements(doc.Text(), resource); err != nil {
		return "", nil, err
	}
	stored, err := s.bindPrincipals(tx, doc)
	if err != nil {
		return "", nil, err
	}
	doc, err = policy.Parse(stored, policy.ResourceBased)
	return stored, doc, err
}

func malformedPolicy(message, detail string) error {
	return refusal(400, "MalformedPolicy", message, pair("Detail", detail)...)
}

// pair leaves out an element without text.
func pair(name, text string) []string {
	if text == "" {
		return nil
	}
	return []string{name, text}
}

// checkStatements refuses statements that could never hold for the resource, as
// S3 does.
func checkStatements(text, resource string) error {
	var doc struct{ Statement json.RawMessage }
	var list []struct{ Action, NotAction, Resource, NotResource texts }
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return err
	}
	if err := json.Unmarshal(doc.Statement, &list); err != nil {
		list = append(list[:0], struct{ Action, NotAction, Resource, NotResource texts }{})
		if err := json.Unmarshal(doc.Statement, &list[0]); err != nil {
			return err
		}
	}
	for _, st := range list {
		onBucket, onObject := false, false
		for _, r := range append(st.Resource, st.NotResource...) {
			rest, ok := strings.CutPrefix(r, resource)
			switch {
			case r == "*":
				onBucket, onObject = true, true
			case !ok && !strings.ContainsAny(r, "*?$") || ok && rest != "" && rest[0] != '/' && rest[0] != '*' && rest[0] != '?':
				return malformedPolicy("Policy has invalid resource", r)
			case rest == "" || !ok || rest[0] != '/':
				onBucket = true
				onObject = onObject || strings.ContainsAny(r, "*?")
			default:
				onObject = true
			}
		}
		for _, a := range st.Action {
			name, ok := strings.CutPrefix(a, "s3:")
			if a != "*" && !ok {
				return malformedPolicy("Policy has invalid action", a)
			}
			if strings.ContainsAny(a, "*?") {
				continue
			}
			i := slices.IndexFunc(api.Model.Actions, func(x schema.Action) bool { return strings.EqualFold(x.Name, name) })
			if i < 0 {
				return malformedPolicy("Policy has invalid action", a)
			}
			object := actsOnObjects(api.Model.Actions[i].Resources)
			if object && !onObject || !object && !onBucket {
				return malformedPolicy("Action does not apply to any resource(s) in statement", a)
			}
		}
	}
	return nil
}

func actsOnObjects(resources []string) bool {
	for _, r := range resources {
		if strings.TrimSuffix(r, "*") == "object" {
			return true
		}
	}
	return false
}

// texts is a string or a list of them.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// bindPrincipals refuses principals that do not exist and answers the text with
// the unique ids of those that have one.
func (s *Service) bindPrincipals(tx *store.Tx, doc *policy.Document) (string, error) {
	var failed error
	text := doc.Rename(func(n policy.Named) string {
		if n.Type != "AWS" || n.Value == "*" || failed != nil {
			return n.Value
		}
		if len(n.Value) == 12 && strings.Trim(n.Value, "0123456789") == "" {
			return "arn:aws:iam::" + n.Value + ":root" // as it reads back
		}
		if isUniqueID(n.Value) {
			_, ok, err := s.Principals.PrincipalARN(tx, n.Value)
			failed = invalidPrincipal(n.Value, ok, err)
			return n.Value
		}
		id, ok, err := s.Principals.PrincipalID(tx, n.Value)
		if failed = invalidPrincipal(n.Value, ok, err); failed == nil && id != "" {
			return id
		}
		return n.Value
	})
	return text, failed
}

func invalidPrincipal(name string, ok bool, err error) error {
	if err == nil && !ok {
		return malformedPolicy("Invalid principal in policy", `"AWS" : "`+name+`"`)
	}
	return err
}

// shownPolicy answers a stored policy as callers see it.
func (s *Service) shownPolicy(tx *store.Tx, stored string) (string, error) {
	doc, err := policy.Parse(stored, policy.ResourceBased)
	if err != nil {
		return "", err
	}
	var failed error
	text := doc.Rename(func(n policy.Named) string {
		if n.Type != "AWS" || !isUniqueID(n.Value) {
			return n.Value
		}
		arn, ok, err := s.Principals.PrincipalARN(tx, n.Value)
		if err != nil {
			failed = err
		}
		if !ok {
			return n.Value
		}
		return arn
	})
	return text, failed
}

// isUniqueID tells unique ids of users and roles from ARNs and accounts.
func isUniqueID(s string) bool {
	return strings.HasPrefix(s, "AIDA") || strings.HasPrefix(s, "AROA")
}
