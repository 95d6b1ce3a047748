package ssm

import (
	"context"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Source: Service Authorization Reference, "Actions, resources, and condition keys
// for AWS Systems Manager".

// on states the operation's right on the parameter that a request names.
func on(ctx context.Context, c *redoubt.Call, n *named) (redoubt.Need, error) {
	need := redoubt.Need{Action: "ssm:" + c.Operation, Resource: n.arn(c), Account: n.account}
	if n.misplace != nil || n.secret != "" {
		return need, nil
	}
	tx := store.From(ctx)
	p, err := load(tx, n.account, c.Region, n.place)
	if err != nil || p == nil {
		return need, err
	}
	need.Tags = p.tags()
	if p.Shared {
		sh, err := share(tx, n.account, c.Region, n.place, p)
		if err != nil {
			return need, err
		}
		need.Policy = sh.Policy
	}
	return need, nil
}

// onOne is the needs of an operation on one parameter.
func onOne(ctx context.Context, c *redoubt.Call, read func(*redoubt.Call, string) (named, error), text *string) ([]redoubt.Need, error) {
	n, err := read(c, value(text))
	if err != nil {
		return nil, err
	}
	need, err := on(ctx, c, &n)
	return []redoubt.Need{need}, err
}

// onEach is the needs of an operation on several parameters: one refusal refuses
// the call, as AWS does.
func onEach(ctx context.Context, c *redoubt.Call, read func(*redoubt.Call, string) (named, error), texts []string) ([]redoubt.Need, error) {
	needs := make([]redoubt.Need, len(texts))
	for i, text := range texts {
		n, err := read(c, text)
		if err != nil {
			return nil, err
		}
		if needs[i], err = on(ctx, c, &n); err != nil {
			return nil, err
		}
	}
	return needs, nil
}

func (s *Service) putNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.PutParameterInput) ([]redoubt.Need, error) {
	n, err := readNew(c, value(in.Name))
	if err != nil {
		return nil, err
	}
	need, err := on(ctx, c, &n)
	if err != nil {
		return nil, err
	}
	need.Conditions = map[string][]string{"ssm:Overwrite": {strconv.FormatBool(value(in.Overwrite))}}
	if in.Policies != nil {
		need.Conditions["ssm:Policies"] = []string{*in.Policies}
	}
	if len(in.Tags) == 0 {
		return []redoubt.Need{need}, nil
	}
	tags := need
	tags.Action, tags.Conditions = "ssm:AddTagsToResource", requestTags(map[string][]string{}, in.Tags)
	requestTags(need.Conditions, in.Tags)
	return []redoubt.Need{need, tags}, nil
}

// requestTags adds aws:RequestTag/key and aws:TagKeys.
func requestTags(m map[string][]string, tags []ssmapi.Tag) map[string][]string {
	keys := make([]string, 0, len(tags))
	for _, t := range tags {
		m["aws:RequestTag/"+value(t.Key)] = []string{value(t.Value)}
		keys = append(keys, value(t.Key))
	}
	m["aws:TagKeys"] = keys
	return m
}

func (s *Service) getNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.GetParameterInput) ([]redoubt.Need, error) {
	return onOne(ctx, c, read, in.Name)
}

func (s *Service) getAllNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.GetParametersInput) ([]redoubt.Need, error) {
	return onEach(ctx, c, read, in.Names)
}

// pathNeeds: the right on a path reveals all that lies below it, denied or not.
func (s *Service) pathNeeds(_ context.Context, c *redoubt.Call, in *ssmapi.GetParametersByPathInput) ([]redoubt.Need, error) {
	at, err := readPath(value(in.Path))
	if err != nil {
		return nil, err
	}
	return []redoubt.Need{{
		Action: "ssm:GetParametersByPath", Resource: at.arn(c.Partition, c.Region, c.Account),
		Conditions: map[string][]string{"ssm:Recursive": {strconv.FormatBool(value(in.Recursive))}},
	}}, nil
}

func (s *Service) historyNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.GetParameterHistoryInput) ([]redoubt.Need, error) {
	return onOne(ctx, c, readWhole, in.Name)
}

func describeNeeds(_ context.Context, c *redoubt.Call, _ *ssmapi.DescribeParametersInput) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "ssm:DescribeParameters", Resource: c.ARN("*")}}, nil
}

func (s *Service) deleteNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.DeleteParameterInput) ([]redoubt.Need, error) {
	return onOne(ctx, c, readPlain, in.Name)
}

func (s *Service) deleteAllNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.DeleteParametersInput) ([]redoubt.Need, error) {
	return onEach(ctx, c, readPlain, in.Names)
}

func (s *Service) labelNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.LabelParameterVersionInput) ([]redoubt.Need, error) {
	return onOne(ctx, c, readPlain, in.Name)
}

func (s *Service) unlabelNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.UnlabelParameterVersionInput) ([]redoubt.Need, error) {
	return onOne(ctx, c, readPlain, in.Name)
}

// onTagged states the operation's right on what a resource type and id name. What
// is no parameter does not exist here, and is stated all the same.
func onTagged(ctx context.Context, c *redoubt.Call, kind, id *string) (redoubt.Need, error) {
	n, err := readPlain(c, value(id))
	if err != nil || value(kind) != ssmapi.ResourceTypeForTaggingParameter {
		return redoubt.Need{Action: "ssm:" + c.Operation, Resource: c.ARN(strings.ToLower(value(kind)) + "/" + strings.Trim(value(id), "/ "))}, nil
	}
	return on(ctx, c, &n)
}

func (s *Service) addTagsNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.AddTagsToResourceInput) ([]redoubt.Need, error) {
	need, err := onTagged(ctx, c, in.ResourceType, in.ResourceId)
	need.Conditions = requestTags(map[string][]string{}, in.Tags)
	return []redoubt.Need{need}, err
}

func (s *Service) removeTagsNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.RemoveTagsFromResourceInput) ([]redoubt.Need, error) {
	need, err := onTagged(ctx, c, in.ResourceType, in.ResourceId)
	need.Conditions = map[string][]string{"aws:TagKeys": in.TagKeys}
	return []redoubt.Need{need}, err
}

func (s *Service) listTagsNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.ListTagsForResourceInput) ([]redoubt.Need, error) {
	need, err := onTagged(ctx, c, in.ResourceType, in.ResourceId)
	return []redoubt.Need{need}, err
}

func onSetting(c *redoubt.Call, id *string) []redoubt.Need {
	return []redoubt.Need{{Action: "ssm:" + c.Operation, Resource: settingARN(c, bareSetting(c, value(id)))}}
}

func getSettingNeeds(_ context.Context, c *redoubt.Call, in *ssmapi.GetServiceSettingInput) ([]redoubt.Need, error) {
	return onSetting(c, in.SettingId), nil
}

func updateSettingNeeds(_ context.Context, c *redoubt.Call, in *ssmapi.UpdateServiceSettingInput) ([]redoubt.Need, error) {
	return onSetting(c, in.SettingId), nil
}

func resetSettingNeeds(_ context.Context, c *redoubt.Call, in *ssmapi.ResetServiceSettingInput) ([]redoubt.Need, error) {
	return onSetting(c, in.SettingId), nil
}

// onShared states the operation's right on the parameter that an ARN names. Only
// its own account shares a parameter.
func onShared(ctx context.Context, c *redoubt.Call, arn *string) ([]redoubt.Need, error) {
	n, err := readWhole(c, value(arn))
	if err != nil || !n.byARN {
		return []redoubt.Need{{Action: "ssm:" + c.Operation, Resource: value(arn)}}, nil
	}
	need, err := on(ctx, c, &n)
	if n.account != c.Account {
		need.Policy, need.Tags = "", nil
	}
	return []redoubt.Need{need}, err
}

func (s *Service) putPolicyNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.PutResourcePolicyInput) ([]redoubt.Need, error) {
	return onShared(ctx, c, in.ResourceArn)
}

func (s *Service) getPoliciesNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.GetResourcePoliciesInput) ([]redoubt.Need, error) {
	return onShared(ctx, c, in.ResourceArn)
}

func (s *Service) deletePolicyNeeds(ctx context.Context, c *redoubt.Call, in *ssmapi.DeleteResourcePolicyInput) ([]redoubt.Need, error) {
	return onShared(ctx, c, in.ResourceArn)
}
