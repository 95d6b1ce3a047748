package s3

import (
	"context"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
)

// Ways of encryption at rest, as the header x-amz-server-side-encryption names
// them; SSE-C is chosen by the key that comes with the request.
const (
	sseS3  = "AES256"
	sseKMS = "aws:kms"
	dsse   = "aws:kms:dsse"
	sseC   = "SSE-C"
)

// Encryption says how a bucket encrypts objects whose request says nothing.
type Encryption struct {
	Algorithm string
	Key       string `json:",omitempty"` // as given: id, ARN or alias; empty: aws/s3
	BucketKey bool   `json:",omitempty"`
	Told      bool   `json:",omitempty"` // by PutBucketEncryption
	// Blocked are the ways that no new object may be encrypted in.
	Blocked []string `json:",omitempty"`
}

// firstEncryption is what new buckets have. Since April 2026 customer-provided
// keys are blocked. Source: Amazon S3 User Guide, "Blocking or unblocking SSE-C
// for a general purpose bucket".
func firstEncryption() Encryption { return Encryption{Algorithm: sseS3, Blocked: []string{sseC}} }

// PutBucketEncryption sets how new objects are encrypted. The key is not looked
// at before it is used.
func (s *Service) PutBucketEncryption(ctx context.Context, c *redoubt.Call, in *api.PutBucketEncryptionInput) (*api.PutBucketEncryptionOutput, error) {
	rules := in.ServerSideEncryptionConfiguration.Rules
	if len(rules) != 1 {
		return nil, malformedXML()
	}
	r := rules[0]
	e := Encryption{Algorithm: sseS3, BucketKey: value(r.BucketKeyEnabled), Told: true}
	if by := r.ApplyServerSideEncryptionByDefault; by != nil {
		e.Algorithm, e.Key = value(by.SSEAlgorithm), value(by.KMSMasterKeyID)
		switch {
		case !slices.Contains([]string{sseS3, sseKMS, dsse}, e.Algorithm):
			return nil, malformedXML()
		case e.Algorithm == sseS3 && by.KMSMasterKeyID != nil:
			return nil, refusal(400, "InvalidArgument", "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse", "ArgumentName", "ApplyServerSideEncryptionByDefault")
		}
	} else if r.BlockedEncryptionTypes == nil && r.BucketKeyEnabled == nil {
		return nil, malformedXML()
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		e.Blocked = b.Encryption.Blocked
		if t := r.BlockedEncryptionTypes; t != nil {
			switch {
			case len(t.EncryptionType) == 1 && t.EncryptionType[0] == "NONE":
				e.Blocked = nil
			case len(t.EncryptionType) == 1 && t.EncryptionType[0] == sseC:
				e.Blocked = []string{sseC}
			default:
				return malformedXML()
			}
		}
		b.Encryption = e
		return nil
	})
	return nil, err
}

// GetBucketEncryption answers how new objects are encrypted; the key as it was
// given.
func (s *Service) GetBucketEncryption(ctx context.Context, c *redoubt.Call, in *api.GetBucketEncryptionInput) (*api.GetBucketEncryptionOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	e := b.Encryption
	r := api.ServerSideEncryptionRule{
		ApplyServerSideEncryptionByDefault: &api.ServerSideEncryptionByDefault{SSEAlgorithm: &e.Algorithm, KMSMasterKeyID: given(e.Key)},
		BucketKeyEnabled:                   &e.BucketKey,
	}
	if len(e.Blocked) > 0 {
		r.BlockedEncryptionTypes = &api.BlockedEncryptionTypes{EncryptionType: e.Blocked}
	}
	return &api.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: &api.ServerSideEncryptionConfiguration{Rules: []api.ServerSideEncryptionRule{r}}}, nil
}

// DeleteBucketEncryption goes back to SSE-S3.
func (s *Service) DeleteBucketEncryption(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketEncryptionInput) (*api.DeleteBucketEncryptionOutput, error) {
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		b.Encryption = Encryption{Algorithm: sseS3, Blocked: b.Encryption.Blocked}
		return nil
	})
	return nil, err
}
