package s3

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/op"
)

// What cannot be configured here has operations nevertheless that say that it is not
// configured, or take that away: clients ask for all of a bucket's settings.

// unconfigured are their rows.
func (s *Service) unconfigured() []op.Operation {
	const none = "The specified configuration does not exist."
	return []op.Operation{
		onBucket(s, api.OpPutBucketLogging, s.PutBucketLogging).Records("Bucket", "BucketLoggingStatus"),
		empty(s, api.OpDeleteBucketReplication, nil),

		lacking(s, api.OpGetBucketAnalyticsConfiguration, "NoSuchConfiguration", none),
		lacking(s, api.OpDeleteBucketAnalyticsConfiguration, "NoSuchConfiguration", none),
		empty(s, api.OpListBucketAnalyticsConfigurations, &api.ListBucketAnalyticsConfigurationsOutput{IsTruncated: new(false)}),
		lacking(s, api.OpGetBucketIntelligentTieringConfiguration, "NoSuchConfiguration", none),
		lacking(s, api.OpDeleteBucketIntelligentTieringConfiguration, "NoSuchConfiguration", none),
		empty(s, api.OpListBucketIntelligentTieringConfigurations, &api.ListBucketIntelligentTieringConfigurationsOutput{IsTruncated: new(false)}),
		lacking(s, api.OpGetBucketInventoryConfiguration, "NoSuchConfiguration", none),
		lacking(s, api.OpDeleteBucketInventoryConfiguration, "NoSuchConfiguration", none),
		empty(s, api.OpListBucketInventoryConfigurations, &api.ListBucketInventoryConfigurationsOutput{IsTruncated: new(false)}),
		lacking(s, api.OpGetBucketMetricsConfiguration, "NoSuchConfiguration", none),
		lacking(s, api.OpDeleteBucketMetricsConfiguration, "NoSuchConfiguration", none),
		empty(s, api.OpListBucketMetricsConfigurations, &api.ListBucketMetricsConfigurationsOutput{IsTruncated: new(false)}),
	}
}

// lacking is the row of an operation that finds nothing.
func lacking[I, O any](s *Service, d op.Desc[I, O], code, message string) op.Operation {
	name := member[I]("Bucket")
	return onBucket(s, d, func(ctx context.Context, _ *redoubt.Call, in *I) (*O, error) {
		b, err := bucket(ctx, name(in))
		if err != nil {
			return nil, err
		}
		return nil, noSuchConfiguration(code, message, b.Name)
	}).Records("Bucket")
}

// empty is the row of an operation that succeeds at nothing.
func empty[I, O any](s *Service, d op.Desc[I, O], out *O) op.Operation {
	name := member[I]("Bucket")
	return onBucket(s, d, func(ctx context.Context, _ *redoubt.Call, in *I) (*O, error) {
		_, err := bucket(ctx, name(in))
		return out, err
	}).Records("Bucket")
}

// PutBucketLogging takes that requests shall not be logged into another bucket.
func (s *Service) PutBucketLogging(ctx context.Context, c *redoubt.Call, in *api.PutBucketLoggingInput) (*api.PutBucketLoggingOutput, error) {
	if _, err := bucket(ctx, in.Bucket); err != nil {
		return nil, err
	}
	if in.BucketLoggingStatus != nil && in.BucketLoggingStatus.LoggingEnabled != nil {
		return nil, notImplemented("LoggingEnabled")
	}
	return nil, nil
}
