package s3

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
)

const (
	enabled   = "Enabled"
	suspended = "Suspended"
	disabled  = "Disabled"
)

// PutBucketVersioning turns versioning on or suspends it. It never goes back to
// what it was before.
func (s *Service) PutBucketVersioning(ctx context.Context, c *redoubt.Call, in *api.PutBucketVersioningInput) (*api.PutBucketVersioningOutput, error) {
	v := in.VersioningConfiguration
	switch {
	case value(v.MFADelete) == enabled || in.MFA != nil:
		return nil, notImplemented("x-amz-mfa")
	case v.Status == nil:
		return nil, refusal(400, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	case *v.Status != enabled && *v.Status != suspended:
		return nil, malformedXML()
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		if b.Lock != nil && *v.Status == suspended {
			return refusal(409, "InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
		}
		b.Versioning = *v.Status
		return nil
	})
	return nil, err
}

// GetBucketVersioning answers nothing for a bucket that never was versioned.
func (s *Service) GetBucketVersioning(ctx context.Context, c *redoubt.Call, in *api.GetBucketVersioningInput) (*api.GetBucketVersioningOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketVersioningOutput{Status: given(b.Versioning)}, nil
}
