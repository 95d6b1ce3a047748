package s3

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// editObject changes a version's attributes in the transaction of ctx.
func (s *Service) editObject(ctx context.Context, c *redoubt.Call, name, key, version *string, f func(*Bucket, *objects.Version) error) (*Bucket, *objects.Version, error) {
	b, err := bucket(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.Objects.Edit(ctx, b.ID, value(key), value(version), func(v *objects.Version) error { return f(b, v) })
	return b, v, s.missing(c, b, value(key), version, err)
}

func (s *Service) putTagsNeeds(ctx context.Context, c *redoubt.Call, in *api.PutObjectTaggingInput) ([]redoubt.Need, error) {
	needs, _, err := s.readNeeds(ctx, c, reading{in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, in.RequestPayer}, "s3:PutObjectTagging")
	if err != nil || in.Tagging == nil {
		return needs, err
	}
	tags := map[string][]string{}
	for _, t := range in.Tagging.TagSet {
		tags[value(t.Key)] = []string{value(t.Value)}
	}
	for i := range needs {
		with := conditions{}
		for k, v := range needs[i].Conditions {
			with[k] = v
		}
		with.objectTags(tags)
		needs[i].Conditions = with
	}
	return needs, nil
}

// PutObjectTagging replaces a version's tags.
func (s *Service) PutObjectTagging(ctx context.Context, c *redoubt.Call, in *api.PutObjectTaggingInput) (*api.PutObjectTaggingOutput, error) {
	tags, err := tagSet(in.Tagging.TagSet, objectTags)
	if err != nil {
		return nil, err
	}
	b, v, err := s.editObject(ctx, c, in.Bucket, in.Key, in.VersionId, func(_ *Bucket, v *objects.Version) error {
		v.Tags = tagMap(tags)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutObjectTaggingOutput{VersionId: b.versionID(v)}, s.notify(ctx, c, b, "ObjectTagging:Put", v)
}

// GetObjectTagging answers a version's tags.
func (s *Service) GetObjectTagging(ctx context.Context, c *redoubt.Call, in *api.GetObjectTaggingInput) (*api.GetObjectTaggingOutput, error) {
	b, v, err := s.head(ctx, c, in.Bucket, in.Key, in.VersionId)
	if e, ok := errors.AsType[*redoubt.Error](err); ok && e.Code == string(api.ErrNoSuchKey) {
		e.Fields["Key"] = value(in.Bucket) + "/" + value(in.Key) // here alone, as at AWS
	}
	if err != nil {
		return nil, err
	}
	out := &api.GetObjectTaggingOutput{VersionId: b.versionID(v), TagSet: []api.Tag{}}
	for k, t := range v.Tags {
		out.TagSet = append(out.TagSet, api.Tag{Key: &k, Value: &t})
	}
	slices.SortFunc(out.TagSet, func(a, b api.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return out, nil
}

// head finds a version in the transaction of ctx.
func (s *Service) head(ctx context.Context, c *redoubt.Call, name, key, version *string) (*Bucket, *objects.Version, error) {
	b, err := bucket(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.Objects.Head(ctx, b.ID, value(key), value(version))
	return b, v, s.missing(c, b, value(key), version, err)
}

// DeleteObjectTagging removes a version's tags.
func (s *Service) DeleteObjectTagging(ctx context.Context, c *redoubt.Call, in *api.DeleteObjectTaggingInput) (*api.DeleteObjectTaggingOutput, error) {
	b, v, err := s.editObject(ctx, c, in.Bucket, in.Key, in.VersionId, func(_ *Bucket, v *objects.Version) error { v.Tags = nil; return nil })
	if err != nil {
		return nil, err
	}
	return &api.DeleteObjectTaggingOutput{VersionId: b.versionID(v)}, s.notify(ctx, c, b, "ObjectTagging:Delete", v)
}

// Object lock.

func (s *Service) retentionNeeds(ctx context.Context, c *redoubt.Call, in *api.PutObjectRetentionInput) ([]redoubt.Need, error) {
	needs, v, err := s.readNeeds(ctx, c, reading{in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, in.RequestPayer}, "s3:PutObjectRetention")
	if err != nil {
		return nil, err
	}
	with := existing(v, in.VersionId)
	if r := in.Retention; r != nil {
		with.set("s3:object-lock-mode", r.Mode)
		with.remaining(c.Time, r.RetainUntilDate)
		if r.RetainUntilDate != nil {
			with["s3:object-lock-retain-until-date"] = []string{r.RetainUntilDate.UTC().Format("2006-01-02T15:04:05Z")}
		}
	}
	for i := range needs {
		if needs[i].Item == "" {
			needs[i].Conditions = with
		}
	}
	if value(in.BypassGovernanceRetention) {
		n := needs[0]
		n.Action, n.Item = "s3:BypassGovernanceRetention", itemBypass
		needs = append(needs, n)
	}
	return needs, nil
}

func noLock() error { return invalidRequest("Bucket is missing Object Lock Configuration") }

// PutObjectRetention sets until when a version is kept. It can be made longer;
// shorter only under governance, by who may bypass it.
func (s *Service) PutObjectRetention(ctx context.Context, c *redoubt.Call, in *api.PutObjectRetentionInput) (*api.PutObjectRetentionOutput, error) {
	r := value(in.Retention)
	if (r.Mode == nil) != (r.RetainUntilDate == nil) || r.Mode != nil && *r.Mode != governance && *r.Mode != compliance {
		return nil, malformedXML()
	}
	bypass := value(in.BypassGovernanceRetention) && c.Denied[itemBypass] == nil
	b, _, err := s.editObject(ctx, c, in.Bucket, in.Key, in.VersionId, func(b *Bucket, v *objects.Version) error {
		if b.Lock == nil {
			return noLock()
		}
		next := objects.Lock{Hold: v.Lock.Hold, Held: v.Lock.Held}
		if r.Mode != nil {
			if !r.RetainUntilDate.After(c.Time) {
				return invalidArgument("The retain until date must be in the future!", "RetainUntilDate", javaDate(*r.RetainUntilDate))
			}
			next.Mode, next.Until = *r.Mode, r.RetainUntilDate.UTC()
		}
		held := v.Lock.Mode != "" && v.Lock.Until.After(c.Time)
		weaker := next.Until.Before(v.Lock.Until) || v.Lock.Mode == compliance && next.Mode != compliance
		if held && weaker && (v.Lock.Mode == compliance || !bypass) || held && v.Lock.Mode == governance && next.Mode != governance && !bypass {
			return redoubt.ErrAccessDenied.New("Access Denied because object protected by object lock.")
		}
		v.Lock = next
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutObjectRetentionOutput{RequestCharged: charged(c, b)}, nil
}

// GetObjectRetention answers until when a version is kept.
func (s *Service) GetObjectRetention(ctx context.Context, c *redoubt.Call, in *api.GetObjectRetentionInput) (*api.GetObjectRetentionOutput, error) {
	b, v, err := s.head(ctx, c, in.Bucket, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if b.Lock == nil {
		return nil, noLock()
	}
	if v.Lock.Mode == "" {
		return nil, noObjectLock()
	}
	return &api.GetObjectRetentionOutput{Retention: &api.ObjectLockRetention{Mode: &v.Lock.Mode, RetainUntilDate: &v.Lock.Until}}, nil
}

func noObjectLock() error {
	return refusal(404, "NoSuchObjectLockConfiguration", "The specified object does not have a ObjectLock configuration")
}

// PutObjectLegalHold puts a version on hold, or takes the hold off.
func (s *Service) PutObjectLegalHold(ctx context.Context, c *redoubt.Call, in *api.PutObjectLegalHoldInput) (*api.PutObjectLegalHoldOutput, error) {
	status := ""
	if in.LegalHold != nil {
		status = value(in.LegalHold.Status)
	}
	if status != "ON" && status != "OFF" {
		return nil, malformedXML()
	}
	b, _, err := s.editObject(ctx, c, in.Bucket, in.Key, in.VersionId, func(b *Bucket, v *objects.Version) error {
		if b.Lock == nil {
			return noLock()
		}
		v.Lock.Hold, v.Lock.Held = status == "ON", true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutObjectLegalHoldOutput{RequestCharged: charged(c, b)}, nil
}

// GetObjectLegalHold answers whether a version is on hold.
func (s *Service) GetObjectLegalHold(ctx context.Context, c *redoubt.Call, in *api.GetObjectLegalHoldInput) (*api.GetObjectLegalHoldOutput, error) {
	b, v, err := s.head(ctx, c, in.Bucket, in.Key, in.VersionId)
	if err != nil {
		return nil, err
	}
	if b.Lock == nil {
		return nil, noLock()
	}
	if !v.Lock.Held {
		return nil, noObjectLock()
	}
	return &api.GetObjectLegalHoldOutput{LegalHold: &api.ObjectLockLegalHold{Status: new(hold(v.Lock))}}, nil
}

// hold is a legal hold as answers show it.
func hold(l objects.Lock) string {
	if l.Hold {
		return "ON"
	}
	return "OFF"
}

// javaDate is a date as S3 repeats one that it refuses. Its servers' zone is that of
// the Pacific coast.
func javaDate(t time.Time) string {
	return t.In(pacific(t)).Format("Mon Jan 02 15:04:05 MST 2006")
}

// pacific is the zone at t: from the second Sunday in March to the first in November,
// two hours after midnight, its clocks are an hour ahead. A server need not have a
// database of zones.
func pacific(t time.Time) *time.Location {
	sunday := func(month time.Month, nth int, hour int) time.Time {
		first := time.Date(t.UTC().Year(), month, 1, hour, 0, 0, 0, time.UTC)
		return first.AddDate(0, 0, (7-int(first.Weekday()))%7+7*(nth-1))
	}
	if !t.Before(sunday(time.March, 2, 10)) && t.Before(sunday(time.November, 1, 9)) {
		return time.FixedZone("PDT", -7*3600)
	}
	return time.FixedZone("PST", -8*3600)
}
