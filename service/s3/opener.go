package s3

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

// Opener answers what gets at the secrets of objects' data for a caller who verifies
// them all: KMS is asked, with the caller's own rights, as it is for a GetObject. Of
// what it does not open it answers why. It is for one goroutine.
func (s *Service) Opener(c *redoubt.Call) func(context.Context, *objects.Version) ([][]byte, string, error) {
	known := map[string]*Bucket{} // by id
	shut := map[string]string{}   // by key, why it opens nothing for anyone
	return func(ctx context.Context, v *objects.Version) ([][]byte, string, error) {
		if v.Encryption.Kind == objects.SSEC {
			return nil, "customers' keys are not kept", nil
		}
		if why := shut[v.Encryption.KeyARN]; why != "" {
			return nil, why, nil
		}
		b, err := s.byID(known, v.Bucket)
		if err != nil {
			return nil, "", err
		}
		if b == nil {
			return nil, "the bucket is gone", nil
		}
		there := *c
		there.Region, there.Partition = b.Region, b.Partition
		secrets, err := s.secrets(ctx, &there, b, &v.Encryption, customerKey{})
		e, refused := errors.AsType[*redoubt.Error](err)
		if !refused || e.Fault {
			return secrets, "", err
		}
		why := e.Code + ": " + v.Encryption.KeyARN
		if !errors.Is(err, redoubt.ErrAccessDenied) {
			shut[v.Encryption.KeyARN] = why // it is disabled, or gone: others need not be tried
		}
		return nil, why, nil
	}
}

// byID finds the bucket whose objects are kept under an id, or nil.
func (s *Service) byID(known map[string]*Bucket, id string) (*Bucket, error) {
	if b, ok := known[id]; ok {
		return b, nil
	}
	for row, err := range buckets.Rows().Scan(s.DB.Begin(), store.Query{}) {
		if err != nil {
			return nil, err
		}
		known[row.Value.ID] = row.Value
	}
	if known[id] == nil {
		known[id] = nil
	}
	return known[id], nil
}
