package logs

import (
	"context"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/store"
)

const standard = "STANDARD"

// CreateLogGroup makes a group.
func (s *Service) CreateLogGroup(ctx context.Context, c *redoubt.Call, in *api.CreateLogGroupInput) (*api.CreateLogGroupOutput, error) {
	name := value(in.LogGroupName)
	if strings.HasPrefix(name, "aws/") {
		return nil, invalid("Log groups starting with AWS/ are reserved for AWS.")
	}
	if in.KmsKeyId != nil {
		return nil, invalid("Log groups under a KMS key are not implemented by this server: its logs are encrypted under its root key.")
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	g := logs.Group{Name: name, Class: standard, Tags: in.Tags, Protected: value(in.DeletionProtectionEnabled)}
	if in.LogGroupClass != nil {
		g.Class = *in.LogGroupClass
	}
	if g.Class == "DELIVERY" {
		g.Retention = 2
	}
	_, err := s.logs.CreateGroup(store.From(ctx), place(c), g)
	if errors.Is(err, logs.ErrExists) {
		err = api.ErrResourceAlreadyExistsException.New("The specified log group already exists")
	}
	return nil, err
}

// DeleteLogGroup removes a group with all its events.
func (s *Service) DeleteLogGroup(ctx context.Context, c *redoubt.Call, in *api.DeleteLogGroupInput) (*api.DeleteLogGroupOutput, error) {
	return nil, worded(s.logs.DeleteGroup(store.From(ctx), place(c), value(in.LogGroupName)))
}

const mostDescribed = 50

// DescribeLogGroups lists groups by name.
func (s *Service) DescribeLogGroups(ctx context.Context, c *redoubt.Call, in *api.DescribeLogGroupsInput) (*api.DescribeLogGroupsOutput, error) {
	tx := store.From(ctx)
	out := &api.DescribeLogGroupsOutput{LogGroups: []api.LogGroup{}}
	if value(in.IncludeLinkedAccounts) || len(in.AccountIdentifiers) > 0 {
		return nil, invalid("This account is not a monitoring account.")
	}
	if in.LogGroupNamePrefix != nil && in.LogGroupNamePattern != nil {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	if len(in.LogGroupIdentifiers) > 0 {
		return out, s.describeThese(tx, c, in, out)
	}
	limit := mostDescribed
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	for g, err := range s.logs.Groups(tx, place(c), value(in.LogGroupNamePrefix), value(in.NextToken)) {
		if err != nil {
			return nil, err
		}
		if !strings.Contains(g.Name, value(in.LogGroupNamePattern)) || in.LogGroupClass != nil && *in.LogGroupClass != g.Class {
			continue
		}
		if len(out.LogGroups) == limit {
			out.NextToken = out.LogGroups[limit-1].LogGroupName
			break
		}
		d, err := s.describe(tx, c, g)
		if err != nil {
			return nil, err
		}
		if in.LogGroupNamePattern != nil {
			// AWS has this from a search index, which does not know all.
			d.StoredBytes, d.DeletionProtectionEnabled = nil, nil
		}
		out.LogGroups = append(out.LogGroups, d)
	}
	return out, nil
}

// ListLogGroups lists groups by name, those that fit every filter.
func (s *Service) ListLogGroups(ctx context.Context, c *redoubt.Call, in *api.ListLogGroupsInput) (*api.ListLogGroupsOutput, error) {
	if value(in.IncludeLinkedAccounts) || len(in.AccountIdentifiers) > 0 {
		return nil, invalid("This account is not a monitoring account.")
	}
	out := &api.ListLogGroupsOutput{LogGroups: []api.LogGroupSummary{}}
	if len(in.DataSources) > 0 || len(in.FieldIndexNames) > 0 {
		return out, nil // no group here has any
	}
	limit := mostDescribed
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	for g, err := range s.logs.Groups(store.From(ctx), place(c), "", value(in.NextToken)) {
		if err != nil {
			return nil, err
		}
		if !named(g.Name, in.LogGroupNamePattern) || in.LogGroupClass != nil && *in.LogGroupClass != g.Class || !taggedSo(g.Tags, in.LogGroupTags) {
			continue
		}
		if len(out.LogGroups) == limit {
			out.NextToken = out.LogGroups[limit-1].LogGroupName
			break
		}
		out.LogGroups = append(out.LogGroups, api.LogGroupSummary{LogGroupName: &g.Name, LogGroupArn: new(groupARN(c, g.Name)), LogGroupClass: &g.Class})
	}
	return out, nil
}

// named reports whether a name has one of a pattern's parts in it, or with ^ at its
// beginning.
func named(name string, pattern *string) bool {
	if pattern == nil {
		return true
	}
	for part := range strings.SplitSeq(*pattern, "|") {
		if start, ok := strings.CutPrefix(part, "^"); ok && strings.HasPrefix(name, start) || !ok && strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// taggedSo reports whether tags satisfy all filters.
func taggedSo(tags map[string]string, filters []api.TagFilter) bool {
	for _, f := range filters {
		v, ok := tags[value(f.Key)]
		if !ok || len(f.Values) > 0 && !slices.Contains(f.Values, v) {
			return false
		}
	}
	return true
}

// describeThese describes the groups that are named, those that there are.
func (s *Service) describeThese(tx *store.Tx, c *redoubt.Call, in *api.DescribeLogGroupsInput, out *api.DescribeLogGroupsOutput) error {
	if in.LogGroupNamePrefix != nil || in.LogGroupNamePattern != nil || in.LogGroupClass != nil {
		return invalid("LogGroup identifiers cannot be combined with other filters.")
	}
	names := make([]string, len(in.LogGroupIdentifiers))
	for i, id := range in.LogGroupIdentifiers {
		var err error
		if names[i], err = identified(c, id); err != nil {
			return err
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		g, err := s.logs.Group(tx, place(c), name)
		if errors.Is(err, logs.ErrNoGroup) {
			continue
		}
		if err != nil {
			return err
		}
		d, err := s.describe(tx, c, g)
		if err != nil {
			return err
		}
		out.LogGroups = append(out.LogGroups, d)
	}
	return nil
}

func (s *Service) describe(tx *store.Tx, c *redoubt.Call, g *logs.Group) (api.LogGroup, error) {
	stored, err := s.logs.Stored(tx, place(c), g)
	arn := groupARN(c, g.Name)
	return api.LogGroup{
		LogGroupName: &g.Name, CreationTime: new(g.Created.UnixMilli()), RetentionInDays: some(int32(g.Retention)),
		MetricFilterCount: new(int32(0)), Arn: new(arn + ":*"), LogGroupArn: &arn, StoredBytes: &stored,
		LogGroupClass: &g.Class, DeletionProtectionEnabled: &g.Protected,
	}, err
}

// retentions are the days that AWS takes. Source: the model's documentation of Days.
var retentions = []int32{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

// PutRetentionPolicy says how long events are kept.
func (s *Service) PutRetentionPolicy(ctx context.Context, c *redoubt.Call, in *api.PutRetentionPolicyInput) (*api.PutRetentionPolicyOutput, error) {
	days := value(in.RetentionInDays)
	if !slices.Contains(retentions, days) {
		return nil, invalid("Value '%d' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: %v", days, retentions)
	}
	return nil, s.setRetention(ctx, c, value(in.LogGroupName), int(days))
}

// DeleteRetentionPolicy keeps events for ever.
func (s *Service) DeleteRetentionPolicy(ctx context.Context, c *redoubt.Call, in *api.DeleteRetentionPolicyInput) (*api.DeleteRetentionPolicyOutput, error) {
	return nil, s.setRetention(ctx, c, value(in.LogGroupName), 0)
}

func (s *Service) setRetention(ctx context.Context, c *redoubt.Call, name string, days int) error {
	return worded(s.logs.EditGroup(store.From(ctx), place(c), name, func(g *logs.Group) error {
		if g.Class == "DELIVERY" {
			return invalid("The retention of a log group of class DELIVERY cannot be changed.")
		}
		g.Retention = days
		return nil
	}))
}

// PutLogGroupDeletionProtection protects a group from deletion, or no longer.
func (s *Service) PutLogGroupDeletionProtection(ctx context.Context, c *redoubt.Call, in *api.PutLogGroupDeletionProtectionInput) (*api.PutLogGroupDeletionProtectionOutput, error) {
	name, err := identified(c, value(in.LogGroupIdentifier))
	if err != nil {
		return nil, err
	}
	return nil, worded(s.logs.EditGroup(store.From(ctx), place(c), name, func(g *logs.Group) error {
		g.Protected = value(in.DeletionProtectionEnabled)
		return nil
	}))
}
