package lambda

import (
	"context"
	"errors"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// principal is how the service calls itself in policies.
const principal = "lambda.amazonaws.com"

// onAll states the operation's right on no particular resource.
func onAll[I any](_ context.Context, c *redoubt.Call, _ *I) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "lambda:" + c.Operation, Resource: "*"}}, nil
}

// named is how an input names a function.
type named[I any] func(*I) (name, qualifier *string)

// onFunction states the operation's right on a function, whatever version the call
// names.
func onFunction[I any](s *Service, of named[I]) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		name, _ := of(in)
		r, err := statedRef(c, value(name), nil)
		if err != nil {
			return nil, err
		}
		n, err := s.need(ctx, r.unqualified(), "lambda:"+c.Operation)
		return []redoubt.Need{n}, err
	}
}

// onVersion states the operation's right on the function, version or alias that
// the call names.
func onVersion[I any](s *Service, of named[I]) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		name, qualifier := of(in)
		n, err := s.versionNeed(ctx, c, name, qualifier, "lambda:"+c.Operation, nil)
		return []redoubt.Need{n}, err
	}
}

// versionNeed is a right on what a name and a qualifier beside it mean.
func (s *Service) versionNeed(ctx context.Context, c *redoubt.Call, name, qualifier *string, action string, conditions map[string][]string) (redoubt.Need, error) {
	r, err := statedRef(c, value(name), qualifier)
	if err != nil {
		return redoubt.Need{}, err
	}
	n, err := s.need(ctx, r, action)
	n.Conditions = conditions
	return n, err
}

// need is a right on what r names: with the resource policy of exactly that, and
// the function's tags.
func (s *Service) need(ctx context.Context, r ref, action string) (redoubt.Need, error) {
	n := redoubt.Need{Action: action, Resource: r.arn(), Account: r.account}
	tx := store.From(ctx)
	f, err := s.find(tx, r)
	if errors.Is(err, store.ErrNotFound) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	n.Tags = f.Tags
	n.Policy, err = s.policyText(tx, r, f)
	return n, err
}

// policyText is the resource policy of what r names, with the names that its
// principals have now; empty if there is none.
func (s *Service) policyText(tx *store.Tx, r ref, f *Function) (string, error) {
	p, err := policies.In(r.account, r.region).Get(tx, store.ID(f.ID, r.qualifier))
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return s.Identity.Current(tx, &p.Bound, policy.ResourceBased)
}

// createNeeds: to create the function, to pass its role, to tag it, and to use the
// layers.
func (s *Service) createNeeds(ctx context.Context, c *redoubt.Call, in *api.CreateFunctionInput) ([]redoubt.Need, error) {
	r, err := statedRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	create := redoubt.Need{Action: "lambda:CreateFunction", Resource: r.function(), Account: r.account, Conditions: tagConditions(in.Tags)}
	layerCondition(&create, in.Layers)
	if in.CodeSigningConfigArn != nil {
		if create.Conditions == nil {
			create.Conditions = map[string][]string{}
		}
		create.Conditions["lambda:CodeSigningConfigArn"] = []string{*in.CodeSigningConfigArn}
	}
	needs := []redoubt.Need{create}
	if len(in.Tags) > 0 {
		needs = append(needs, redoubt.Need{Action: "lambda:TagResource", Resource: r.function(), Account: r.account, Conditions: tagConditions(in.Tags)})
	}
	more, err := s.givenNeeds(ctx, c, r, in.Role, in.Layers)
	return append(needs, more...), err
}

func (s *Service) configureNeeds(ctx context.Context, c *redoubt.Call, in *api.UpdateFunctionConfigurationInput) ([]redoubt.Need, error) {
	r, err := statedRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	n, err := s.need(ctx, r.unqualified(), "lambda:UpdateFunctionConfiguration")
	if err != nil {
		return nil, err
	}
	layerCondition(&n, in.Layers)
	more, err := s.givenNeeds(ctx, c, r, in.Role, in.Layers)
	return append([]redoubt.Need{n}, more...), err
}

// givenNeeds are the rights to hand a role and layers to a function.
func (s *Service) givenNeeds(ctx context.Context, c *redoubt.Call, r ref, role *string, layers []string) ([]redoubt.Need, error) {
	var needs []redoubt.Need
	if value(role) != "" {
		n, err := s.Identity.PassRole(store.From(ctx), *role, principal, r.function())
		if err != nil {
			return nil, err
		}
		needs = append(needs, n)
	}
	for _, arn := range layers {
		l, err := parseLayer(arn)
		if err != nil {
			return nil, err
		}
		n, err := s.layerNeed(ctx, l, "lambda:GetLayerVersion")
		if err != nil {
			return nil, err
		}
		needs = append(needs, n)
	}
	return needs, nil
}

// layerCondition sets lambda:Layer, which lets policies choose whose layers may be
// used.
func layerCondition(n *redoubt.Need, layers []string) {
	if len(layers) == 0 {
		return
	}
	if n.Conditions == nil {
		n.Conditions = map[string][]string{}
	}
	n.Conditions["lambda:Layer"] = slices.Clone(layers)
}

// tagConditions are the condition keys of tags that a request sets.
func tagConditions(tags map[string]string) map[string][]string {
	if len(tags) == 0 {
		return nil
	}
	m := map[string][]string{}
	for k, v := range tags {
		m["aws:RequestTag/"+k] = []string{v}
		m["aws:TagKeys"] = append(m["aws:TagKeys"], k)
	}
	slices.Sort(m["aws:TagKeys"])
	return m
}
