package cloudtrail

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// onAll states the operation's right on no particular resource.
func onAll[I any](_ context.Context, c *redoubt.Call, _ *I) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "cloudtrail:" + c.Operation, Resource: "*"}}, nil
}

// onTrail states the operation's right on the trail that it names.
func onTrail[I any](s *Service, name func(*I) *string) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		n, err := s.trailNeed(ctx, c, value(name(in)))
		return []redoubt.Need{n}, err
	}
}

// trailNeed is the right on a trail, or on what would be its ARN.
func (s *Service) trailNeed(ctx context.Context, c *redoubt.Call, given string) (redoubt.Need, error) {
	r, err := parseRef(c, given)
	if err != nil {
		return redoubt.Need{}, err
	}
	t, err := find(store.From(ctx), r)
	if errors.Is(err, store.ErrNotFound) {
		return redoubt.Need{Action: "cloudtrail:" + c.Operation, Resource: r.arn(), Account: r.account}, nil
	}
	if err != nil {
		return redoubt.Need{}, err
	}
	return redoubt.Need{Action: "cloudtrail:" + c.Operation, Resource: t.ARN, Account: t.Account, Tags: t.tagMap()}, nil
}

func (s *Service) createNeeds(_ context.Context, c *redoubt.Call, in *api.CreateTrailInput) ([]redoubt.Need, error) {
	if err := checkName(value(in.Name)); err != nil {
		return nil, err
	}
	if err := checkTags(in.TagsList); err != nil {
		return nil, err
	}
	n := redoubt.Need{Action: "cloudtrail:CreateTrail", Resource: ref{account: c.Account, region: c.Region, name: value(in.Name)}.arn(), Conditions: requestTags(in.TagsList)}
	needs := []redoubt.Need{n}
	if len(in.TagsList) > 0 {
		n.Action = "cloudtrail:AddTags"
		needs = append(needs, n)
	}
	return append(needs, passRole(in.CloudWatchLogsRoleArn)...), nil
}

func (s *Service) updateNeeds(ctx context.Context, c *redoubt.Call, in *api.UpdateTrailInput) ([]redoubt.Need, error) {
	n, err := s.trailNeed(ctx, c, value(in.Name))
	if err != nil {
		return nil, err
	}
	return append([]redoubt.Need{n}, passRole(in.CloudWatchLogsRoleArn)...), nil
}

// passRole: giving CloudTrail a role takes the right to pass it.
func passRole(role *string) []redoubt.Need {
	if value(role) == "" {
		return nil
	}
	return []redoubt.Need{{Action: "iam:PassRole", Resource: *role, Conditions: map[string][]string{"iam:PassedToService": {principal}}}}
}

func (s *Service) putInsightNeeds(ctx context.Context, c *redoubt.Call, in *api.PutInsightSelectorsInput) ([]redoubt.Need, error) {
	return s.eitherNeed(ctx, c, in.TrailName, in.EventDataStore)
}

func (s *Service) getInsightNeeds(ctx context.Context, c *redoubt.Call, in *api.GetInsightSelectorsInput) ([]redoubt.Need, error) {
	return s.eitherNeed(ctx, c, in.TrailName, in.EventDataStore)
}

// eitherNeed is for operations on a trail or an event data store.
func (s *Service) eitherNeed(ctx context.Context, c *redoubt.Call, name, eds *string) ([]redoubt.Need, error) {
	switch {
	case name != nil && eds != nil:
		return nil, api.ErrInvalidParameterCombinationException.New("You cannot specify both TrailName and EventDataStore.")
	case name == nil && eds == nil:
		return nil, api.ErrInvalidParameterCombinationException.New("You must specify either TrailName or EventDataStore.")
	case eds != nil:
		return []redoubt.Need{{Action: "cloudtrail:" + c.Operation, Resource: "*"}}, nil
	}
	n, err := s.trailNeed(ctx, c, *name)
	return []redoubt.Need{n}, err
}

func (s *Service) addTagsNeeds(ctx context.Context, c *redoubt.Call, in *api.AddTagsInput) ([]redoubt.Need, error) {
	return s.tagNeeds(ctx, c, value(in.ResourceId), requestTags(in.TagsList))
}

func (s *Service) removeTagsNeeds(ctx context.Context, c *redoubt.Call, in *api.RemoveTagsInput) ([]redoubt.Need, error) {
	return s.tagNeeds(ctx, c, value(in.ResourceId), tagKeys(in.TagsList))
}

func (s *Service) listTagsNeeds(ctx context.Context, c *redoubt.Call, in *api.ListTagsInput) ([]redoubt.Need, error) {
	if len(in.ResourceIdList) == 0 {
		return nil, api.ErrResourceNotFoundException.New("No resource is specified.")
	}
	var needs []redoubt.Need
	for _, id := range in.ResourceIdList {
		n, err := s.tagNeeds(ctx, c, id, nil)
		if err != nil {
			return nil, err
		}
		needs = append(needs, n...)
	}
	return needs, nil
}

func (s *Service) tagNeeds(ctx context.Context, c *redoubt.Call, id string, conditions map[string][]string) ([]redoubt.Need, error) {
	if err := checkTaggable(c, id); err != nil {
		return nil, err
	}
	n, err := s.trailNeed(ctx, c, id)
	n.Conditions = conditions
	return []redoubt.Need{n}, err
}

// requestTags are the condition keys of tags that a request sets.
func requestTags(tags []api.Tag) map[string][]string {
	if len(tags) == 0 {
		return nil
	}
	m := tagKeys(tags)
	for _, t := range tags {
		m["aws:RequestTag/"+value(t.Key)] = []string{value(t.Value)}
	}
	return m
}

func tagKeys(tags []api.Tag) map[string][]string {
	if len(tags) == 0 {
		return nil
	}
	var keys []string
	for _, t := range tags {
		keys = append(keys, value(t.Key))
	}
	return map[string][]string{"aws:TagKeys": keys}
}
