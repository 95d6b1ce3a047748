package s3

import (
	"context"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
)

// Lock is a bucket's object lock, with the retention of new objects if Mode is
// set.
type Lock struct {
	Mode  string `json:",omitempty"` // GOVERNANCE, COMPLIANCE
	Days  int32  `json:",omitempty"`
	Years int32  `json:",omitempty"`
}

const (
	governance = "GOVERNANCE"
	compliance = "COMPLIANCE"
	// maxRetention is in days.
	maxRetention = 36500
)

// PutObjectLockConfiguration turns object lock on, for good, and sets the default
// retention.
func (s *Service) PutObjectLockConfiguration(ctx context.Context, c *redoubt.Call, in *api.PutObjectLockConfigurationInput) (*api.PutObjectLockConfigurationOutput, error) {
	if in.ObjectLockConfiguration == nil || value(in.ObjectLockConfiguration.ObjectLockEnabled) != enabled {
		return nil, malformedXML()
	}
	l := &Lock{}
	if r := in.ObjectLockConfiguration.Rule; r != nil {
		d := r.DefaultRetention
		if d == nil || (d.Days == nil) == (d.Years == nil) || value(d.Mode) != governance && value(d.Mode) != compliance {
			return nil, malformedXML()
		}
		l.Mode, l.Days, l.Years = *d.Mode, value(d.Days), value(d.Years)
		switch {
		case d.Days != nil && l.Days <= 0 || d.Years != nil && l.Years <= 0:
			return nil, invalidArgument("Default retention period must be a positive integer value.", "Days", itoa(int(l.Days)))
		case l.Days > maxRetention || l.Years > maxRetention/365:
			return nil, invalidArgument("Default retention period too large.", "Days", itoa(int(l.Days)))
		}
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error {
		if b.Versioning != enabled {
			return refusal(409, "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
		}
		b.Lock = l
		return nil
	})
	return nil, err
}

// GetObjectLockConfiguration answers the bucket's object lock.
func (s *Service) GetObjectLockConfiguration(ctx context.Context, c *redoubt.Call, in *api.GetObjectLockConfigurationInput) (*api.GetObjectLockConfigurationOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if b.Lock == nil {
		return nil, noSuchConfiguration("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket", b.Name)
	}
	conf := &api.ObjectLockConfiguration{ObjectLockEnabled: new(enabled)}
	if l := b.Lock; l.Mode != "" {
		conf.Rule = &api.ObjectLockRule{DefaultRetention: &api.DefaultRetention{Mode: &l.Mode, Days: given(l.Days), Years: given(l.Years)}}
	}
	return &api.GetObjectLockConfigurationOutput{ObjectLockConfiguration: conf}, nil
}

// until is when the default retention of an object made at t ends.
func (l *Lock) until(t time.Time) time.Time {
	if l.Years > 0 {
		return t.AddDate(int(l.Years), 0, 0)
	}
	return t.AddDate(0, 0, int(l.Days))
}
