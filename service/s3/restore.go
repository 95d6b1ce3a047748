package s3

import (
	"context"
	"net/http"
	"slices"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// Archived objects lie like all others. Restoring one takes the time that it takes at
// AWS at the least, so that clients that wait for it have something to wait for.
//
// Source: Amazon S3 User Guide, "Archive retrieval options".
var retrievals = map[string]map[string]time.Duration{
	"GLACIER":      {"Expedited": time.Minute, "Standard": 3 * time.Hour, "Bulk": 5 * time.Hour},
	"DEEP_ARCHIVE": {"Standard": 12 * time.Hour, "Bulk": 48 * time.Hour},
}

// RestoreObject has an archived version readable for some days.
func (s *Service) RestoreObject(ctx context.Context, c *redoubt.Call, in *api.RestoreObjectInput) (*api.RestoreObjectOutput, error) {
	r := value(in.RestoreRequest)
	if r.Type != nil || r.SelectParameters != nil || r.OutputLocation != nil {
		return nil, notImplemented("SelectParameters")
	}
	tier := value(r.Tier)
	if tier == "" && r.GlacierJobParameters != nil {
		tier = value(r.GlacierJobParameters.Tier)
	}
	if tier == "" {
		tier = "Standard"
	}
	if r.Days == nil || *r.Days < 1 || !slices.Contains([]string{"Standard", "Bulk", "Expedited"}, tier) {
		return nil, malformedXML()
	}
	b, v, err := s.editObject(ctx, c, in.Bucket, in.Key, in.VersionId, func(_ *Bucket, v *objects.Version) error {
		if retrievals[v.Class] == nil {
			return refusal(403, string(api.ErrInvalidObjectState), "Restore is not allowed for the object's current storage class")
		}
		takes, ok := retrievals[v.Class][tier]
		if !ok {
			return invalidArgument("Retrieval option is not supported by this storage class", "Tier", tier)
		}
		switch v.Restore.At(c.Time) {
		case objects.Restoring:
			return refusal(409, "RestoreAlreadyInProgress", "Object restore is already in progress")
		case objects.Restored:
			v.Restore.Until = restoredUntil(c.Time, *r.Days) // longer, or shorter
			return nil
		}
		c.Status = http.StatusAccepted
		ready := c.Time.Add(takes)
		v.Restore = objects.Restore{Ready: ready, Until: restoredUntil(ready, *r.Days)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.RestoreObjectOutput{RequestCharged: charged(c, b)}, s.notify(ctx, c, b, "ObjectRestore:Post", v)
}

// restoredUntil is the midnight after some days.
func restoredUntil(from time.Time, days int32) time.Time {
	return midnight(from.Add(time.Duration(days) * 24 * time.Hour))
}

// restoration is x-amz-restore.
func restoration(v *objects.Version, now time.Time) *string {
	switch v.Restore.At(now) {
	case objects.Restoring:
		return new(`ongoing-request="true"`)
	case objects.Restored:
		return new(`ongoing-request="false", expiry-date="` + v.Restore.Until.UTC().Format(http.TimeFormat) + `"`)
	}
	return nil
}

// unreadable reports whether a version is archived and not restored.
func unreadable(v *objects.Version, now time.Time) bool {
	return slices.Contains(archived, v.Class) && v.Restore.At(now) != objects.Restored
}
