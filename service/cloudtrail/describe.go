package cloudtrail

import (
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/store"
)

// describe is a trail as DescribeTrails and GetTrail show it.
func (t *Trail) describe() api.Trail {
	u := t.settings()
	return api.Trail{
		Name: u.Name, S3BucketName: u.S3BucketName, S3KeyPrefix: u.S3KeyPrefix, SnsTopicName: u.SnsTopicName, SnsTopicARN: u.SnsTopicARN,
		IncludeGlobalServiceEvents: u.IncludeGlobalServiceEvents, IsMultiRegionTrail: u.IsMultiRegionTrail, HomeRegion: &t.Home,
		TrailARN: u.TrailARN, LogFileValidationEnabled: u.LogFileValidationEnabled, CloudWatchLogsLogGroupArn: u.CloudWatchLogsLogGroupArn,
		CloudWatchLogsRoleArn: u.CloudWatchLogsRoleArn, KmsKeyId: u.KmsKeyId,
		HasCustomEventSelectors: new(len(t.EventSelectors) > 0 || len(t.AdvancedSelector) > 0),
		HasInsightSelectors:     new(len(t.Insights) > 0), IsOrganizationTrail: u.IsOrganizationTrail,
	}
}

// GetTrail shows one trail.
func (s *Service) GetTrail(ctx context.Context, c *redoubt.Call, in *api.GetTrailInput) (*api.GetTrailOutput, error) {
	t, err := visible(ctx, c, value(in.Name))
	if errors.Is(err, api.ErrTrailNotFoundException) {
		return nil, noSuchTrail(value(in.Name), c.Account) // here AWS repeats the name as it was given
	}
	if err != nil {
		return nil, err
	}
	return &api.GetTrailOutput{Trail: new(t.describe())}, nil
}

// DescribeTrails shows the trails of the Region, shadows included unless the
// caller does not want them; when called by name, a shadow is called by its ARN.
// Names that lead to nothing are passed over.
func (s *Service) DescribeTrails(ctx context.Context, c *redoubt.Call, in *api.DescribeTrailsInput) (*api.DescribeTrailsOutput, error) {
	tx := store.From(ctx)
	shadows := in.IncludeShadowTrails == nil || *in.IncludeShadowTrails
	out := &api.DescribeTrailsOutput{TrailList: []api.Trail{}}
	if len(in.TrailNameList) > 0 {
		for _, given := range in.TrailNameList {
			r, err := parseRef(c, given)
			if err != nil {
				return nil, err
			}
			t, err := find(tx, r)
			switch {
			case errors.Is(err, store.ErrNotFound):
			case err != nil:
				return nil, err
			case t.Account == c.Account && (t.Home == c.Region || r.byARN && t.MultiRegion && shadows):
				out.TrailList = append(out.TrailList, t.describe())
			}
		}
		return out, nil
	}
	for row, err := range trails.All().Scan(tx, store.Query{Prefix: c.Account + "/"}) {
		if err != nil {
			return nil, err
		}
		if t := row.Value; t.Home == c.Region || t.MultiRegion && shadows {
			out.TrailList = append(out.TrailList, t.describe())
		}
	}
	return out, nil
}

// listed is how many trails a page of ListTrails holds.
const listed = 100

// ListTrails lists the trails of the account, each once, whatever the Region.
func (s *Service) ListTrails(ctx context.Context, c *redoubt.Call, in *api.ListTrailsInput) (*api.ListTrailsOutput, error) {
	after, err := s.opened(c, in.NextToken)
	if err != nil {
		return nil, err
	}
	prefix := c.Account + "/"
	if after != "" && !strings.HasPrefix(after, prefix) {
		return nil, badToken()
	}
	out := &api.ListTrailsOutput{Trails: []api.TrailInfo{}}
	last := ""
	for row, err := range trails.All().Scan(store.From(ctx), store.Query{Prefix: prefix, After: after}) {
		if err != nil {
			return nil, err
		}
		if len(out.Trails) == listed {
			out.NextToken, err = s.sealed(c, last)
			return out, err
		}
		t := row.Value
		out.Trails = append(out.Trails, api.TrailInfo{TrailARN: &t.ARN, Name: &t.Name, HomeRegion: &t.Home})
		last = row.ID
	}
	return out, nil
}
