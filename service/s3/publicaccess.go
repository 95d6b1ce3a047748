package s3

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/store"
)

// Block is a public access block, of a bucket, an access point or an account.
type Block struct {
	ACLs, IgnoreACLs, Policy, Restrict bool
}

// accounts holds the block of an account, which S3 Control sets, under "block".
var accounts = store.AccountTable[Block]("s3.accountblock")

// accountBlock answers the account's block, or nil.
func accountBlock(tx *store.Tx, account string) (*Block, error) {
	b, err := accounts.In(account).Get(tx, "block")
	if absent(err) {
		return nil, nil
	}
	return b, err
}

// blocks answers what the bucket's and its account's blocks come to: the
// strictest of both.
func (b *Bucket) blocks(tx *store.Tx) (Block, error) {
	all := value(b.Block)
	of, err := accountBlock(tx, b.Account)
	if err != nil || of == nil {
		return all, err
	}
	return all.with(*of), nil
}

func (b Block) with(o Block) Block {
	return Block{b.ACLs || o.ACLs, b.IgnoreACLs || o.IgnoreACLs, b.Policy || o.Policy, b.Restrict || o.Restrict}
}

// PutPublicAccessBlock replaces the bucket's block.
func (s *Service) PutPublicAccessBlock(ctx context.Context, c *redoubt.Call, in *api.PutPublicAccessBlockInput) (*api.PutPublicAccessBlockOutput, error) {
	p := in.PublicAccessBlockConfiguration
	if p.BlockPublicAcls == nil && p.IgnorePublicAcls == nil && p.BlockPublicPolicy == nil && p.RestrictPublicBuckets == nil {
		return nil, invalidRequest("Must specify at least one configuration.")
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		b.Block = &Block{value(p.BlockPublicAcls), value(p.IgnorePublicAcls), value(p.BlockPublicPolicy), value(p.RestrictPublicBuckets)}
		return nil
	})
	return nil, err
}

// GetPublicAccessBlock answers the bucket's own block.
func (s *Service) GetPublicAccessBlock(ctx context.Context, c *redoubt.Call, in *api.GetPublicAccessBlockInput) (*api.GetPublicAccessBlockOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if b.Block == nil {
		return nil, noSuchConfiguration("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", b.Name)
	}
	return &api.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: &api.PublicAccessBlockConfiguration{
		BlockPublicAcls: &b.Block.ACLs, IgnorePublicAcls: &b.Block.IgnoreACLs,
		BlockPublicPolicy: &b.Block.Policy, RestrictPublicBuckets: &b.Block.Restrict,
	}}, nil
}

// DeletePublicAccessBlock removes the bucket's own block; the account's stays.
func (s *Service) DeletePublicAccessBlock(ctx context.Context, c *redoubt.Call, in *api.DeletePublicAccessBlockInput) (*api.DeletePublicAccessBlockOutput, error) {
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.Block = nil; return nil })
	return nil, err
}
