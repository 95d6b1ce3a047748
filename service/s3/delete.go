package s3

import (
	"context"
	"errors"
	"strconv"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

func (s *Service) deleteNeeds(ctx context.Context, c *redoubt.Call, in *api.DeleteObjectInput) ([]redoubt.Need, error) {
	needs, _, err := s.deletion(ctx, c, reading{in.Bucket, in.Key, in.VersionId, in.ExpectedBucketOwner, in.RequestPayer}, value(in.BypassGovernanceRetention))
	if in.IfMatch != nil && err == nil {
		more := needs[0]
		more.Action = "s3:GetObject"
		needs = append(needs, more)
	}
	return needs, err
}

// deletion states the rights of deleting an object or version.
func (s *Service) deletion(ctx context.Context, c *redoubt.Call, r reading, bypass bool) ([]redoubt.Need, *place, error) {
	at, v, err := s.object(ctx, c, r)
	if err != nil {
		return nil, nil, err
	}
	needs := at.onObject(c, versioned("s3:DeleteObject", r.version), value(r.key), existing(v, r.version))
	if bypass {
		for _, n := range at.onObject(c, "s3:BypassGovernanceRetention", value(r.key), nil) {
			n.Item = itemBypass
			needs = append(needs, n)
		}
	}
	return needs, at, nil
}

// DeleteObject deletes a version, or puts a delete marker where the bucket is
// versioned. What is not there is deleted already.
func (s *Service) DeleteObject(ctx context.Context, c *redoubt.Call, in *api.DeleteObjectInput) (*api.DeleteObjectOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if in.MFA != nil {
		return nil, notImplemented("x-amz-mfa")
	}
	if in.BypassGovernanceRetention != nil && b.Lock == nil {
		return nil, bypassWithoutLock()
	}
	if in.IfMatchLastModifiedTime != nil || in.IfMatchSize != nil {
		return nil, notImplemented("x-amz-if-match-last-modified-time")
	}
	d := objects.Delete{Bucket: b.ID, Key: value(in.Key), ID: value(in.VersionId), Bypass: value(in.BypassGovernanceRetention) && c.Denied[itemBypass] == nil}
	d.IfMatch = bareETag(value(in.IfMatch))
	gone, err := s.remove(ctx, c, b, d)
	if err != nil {
		return nil, err
	}
	return &api.DeleteObjectOutput{DeleteMarker: given(gone.Marker), VersionId: given(gone.ID), RequestCharged: charged(c, b)}, nil
}

// remove deletes in the transaction of ctx, and tells of it.
func (s *Service) remove(ctx context.Context, c *redoubt.Call, b *Bucket, d objects.Delete) (*objects.Deleted, error) {
	if len(d.Key) > objects.MaxKey {
		return nil, keyTooLong(d.Key)
	}
	d.Versioning, d.Owner = b.mode(), b.Account
	gone, err := s.Objects.Delete(ctx, d)
	if err != nil {
		return nil, ofObjects(err, b, d.Key, d.ID)
	}
	switch {
	case gone.Marker && gone.Version == nil:
		return gone, s.notify(ctx, c, b, "ObjectRemoved:DeleteMarkerCreated", &objects.Version{Key: d.Key, ID: gone.ID, Marker: true})
	case gone.Version != nil && !gone.Version.Marker:
		return gone, s.notify(ctx, c, b, "ObjectRemoved:Delete", gone.Version)
	}
	return gone, nil
}

// maxDeletes is how many objects a DeleteObjects names at most.
const maxDeletes = 1000

// deletesNeeds state a right for each object: a refused one is an entry of the
// answer.
func (s *Service) deletesNeeds(ctx context.Context, c *redoubt.Call, in *api.DeleteObjectsInput) ([]redoubt.Need, error) {
	if in.Delete == nil || len(in.Delete.Objects) == 0 || len(in.Delete.Objects) > maxDeletes {
		return nil, malformedXML()
	}
	at, err := s.resolve(ctx, c, in.Bucket, in.ExpectedBucketOwner)
	if err != nil {
		return nil, err
	}
	if at.bucket != nil {
		if err := pays(c, at.bucket, in.RequestPayer); err != nil {
			return nil, err
		}
	}
	var needs []redoubt.Need
	for i, o := range in.Delete.Objects {
		for _, n := range at.onObject(c, versioned("s3:DeleteObject", o.VersionId), value(o.Key), existing(nil, o.VersionId)) {
			if at.bucket != nil { // else there is nothing to answer entries about
				n.Item = strconv.Itoa(i)
			}
			needs = append(needs, n)
		}
	}
	if value(in.BypassGovernanceRetention) {
		for _, n := range at.onObject(c, "s3:BypassGovernanceRetention", "*", nil) {
			n.Item = itemBypass
			needs = append(needs, n)
		}
	}
	return needs, nil
}

// deleteBatch is how many deletions go into one transaction.
const deleteBatch = 50

// DeleteObjects deletes up to 1,000 objects or versions. Each succeeds or fails by
// itself.
func (s *Service) DeleteObjects(ctx context.Context, c *redoubt.Call, in *api.DeleteObjectsInput) (*api.DeleteObjectsOutput, error) {
	if in.MFA != nil {
		return nil, notImplemented("x-amz-mfa")
	}
	list := in.Delete.Objects
	deleted, failed := make([]*objects.Deleted, len(list)), make([]error, len(list))
	var b *Bucket
	for from := 0; from < len(list); from += deleteBatch {
		batch := list[from:min(from+deleteBatch, len(list))]
		err := s.once(ctx, func(ctx context.Context) (err error) {
			if b, err = bucket(ctx, in.Bucket); err != nil {
				return err
			}
			if in.BypassGovernanceRetention != nil && b.Lock == nil {
				return bypassWithoutLock()
			}
			for i, o := range batch {
				deleted[from+i], failed[from+i] = s.deleteOne(ctx, c, b, o, from+i, value(in.BypassGovernanceRetention))
				if err := failed[from+i]; err != nil {
					if _, told := errors.AsType[*redoubt.Error](err); !told {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	out := &api.DeleteObjectsOutput{RequestCharged: charged(c, b)}
	for i, o := range list {
		if err := failed[i]; err != nil {
			e, _ := errors.AsType[*redoubt.Error](err)
			code := e.Code
			if errors.Is(err, redoubt.ErrAccessDenied) {
				code = "AccessDenied"
			}
			out.Errors = append(out.Errors, api.Error{Key: o.Key, VersionId: o.VersionId, Code: &code, Message: given(e.Message)})
			continue
		}
		if value(in.Delete.Quiet) {
			continue
		}
		gone := deleted[i]
		entry := api.DeletedObject{Key: o.Key, VersionId: o.VersionId, DeleteMarker: given(gone.Marker)}
		if gone.Marker {
			entry.DeleteMarkerVersionId = given(gone.ID)
		}
		out.Deleted = append(out.Deleted, entry)
	}
	return out, nil
}

func (s *Service) deleteOne(ctx context.Context, c *redoubt.Call, b *Bucket, o api.ObjectIdentifier, i int, bypass bool) (*objects.Deleted, error) {
	if err := c.Denied[strconv.Itoa(i)]; err != nil {
		return nil, err
	}
	if o.LastModifiedTime != nil || o.Size != nil {
		return nil, notImplemented("LastModifiedTime")
	}
	d := objects.Delete{Bucket: b.ID, Key: value(o.Key), ID: value(o.VersionId), Bypass: bypass && c.Denied[itemBypass] == nil}
	d.IfMatch = bareETag(value(o.ETag))
	gone, err := s.remove(ctx, c, b, d)
	if e, ok := errors.AsType[*redoubt.Error](err); ok && e.Code == "InvalidArgument" && d.ID != "" ||
		err == nil && d.ID != "" && d.ID != objects.NullID && gone.Version == nil && b.Versioning == "" {
		return nil, noSuchVersion(d.Key, d.ID) // of a list, unlike DeleteObject's
	}
	return gone, err
}

func bypassWithoutLock() error {
	return refusal(400, "InvalidArgument", "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.", "ArgumentName", "x-amz-bypass-governance-retention")
}
