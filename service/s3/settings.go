package s3

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
)

// PutBucketRequestPayment says who pays: with Requester, callers of other
// accounts must say that they will.
func (s *Service) PutBucketRequestPayment(ctx context.Context, c *redoubt.Call, in *api.PutBucketRequestPaymentInput) (*api.PutBucketRequestPaymentOutput, error) {
	payer := value(in.RequestPaymentConfiguration.Payer)
	if payer != "Requester" && payer != "BucketOwner" {
		return nil, malformedXML()
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		b.Payer = ""
		if payer == "Requester" {
			b.Payer = payer
		}
		return nil
	})
	return nil, err
}

// GetBucketRequestPayment answers who pays.
func (s *Service) GetBucketRequestPayment(ctx context.Context, c *redoubt.Call, in *api.GetBucketRequestPaymentInput) (*api.GetBucketRequestPaymentOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	payer := "BucketOwner"
	if b.Payer != "" {
		payer = b.Payer
	}
	return &api.GetBucketRequestPaymentOutput{Payer: &payer}, nil
}

// PutBucketAccelerateConfiguration records whether the bucket answers at the
// accelerate endpoint, which is this server like every other.
func (s *Service) PutBucketAccelerateConfiguration(ctx context.Context, c *redoubt.Call, in *api.PutBucketAccelerateConfigurationInput) (*api.PutBucketAccelerateConfigurationOutput, error) {
	status := value(in.AccelerateConfiguration.Status)
	switch {
	case status != enabled && status != suspended:
		return nil, malformedXML()
	case strings.Contains(value(in.Bucket), "."):
		return nil, invalidRequest("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		if status == suspended && b.Accelerate == "" {
			return nil // as if it never was
		}
		b.Accelerate = status
		return nil
	})
	return nil, err
}

// GetBucketAccelerateConfiguration answers nothing where it never was set.
func (s *Service) GetBucketAccelerateConfiguration(ctx context.Context, c *redoubt.Call, in *api.GetBucketAccelerateConfigurationInput) (*api.GetBucketAccelerateConfigurationOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	return &api.GetBucketAccelerateConfigurationOutput{Status: given(b.Accelerate)}, nil
}

// GetBucketLogging answers that no requests are logged to a bucket: logging cannot be
// turned on here, trails record who does what.
func (s *Service) GetBucketLogging(ctx context.Context, c *redoubt.Call, in *api.GetBucketLoggingInput) (*api.GetBucketLoggingOutput, error) {
	_, err := bucket(ctx, in.Bucket)
	return nil, err
}

// GetBucketReplication answers that there are no rules: buckets are not replicated.
func (s *Service) GetBucketReplication(ctx context.Context, c *redoubt.Call, in *api.GetBucketReplicationInput) (*api.GetBucketReplicationOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	return nil, noSuchConfiguration("ReplicationConfigurationNotFoundError", "The replication configuration was not found", b.Name)
}
