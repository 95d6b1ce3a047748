package s3

import (
	"context"
	"errors"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

// expire applies a bucket's lifecycle rules, and plans the next day. It runs in
// transactions of its own, a page at a time: deleting is repeatable, and what was
// put meanwhile is looked at again before it goes.
func (s *Service) expire(ctx context.Context, id string) error {
	tx := store.From(ctx)
	l, err := lifecycles.Rows().Get(tx, id)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	if err := s.Schedule.At(tx, lifecycleJob, id, midnight(now)); err != nil {
		return err
	}
	run := &expiry{s: s, id: id, name: l.Bucket, rules: l.Rules, now: now}
	ctx = store.Without(ctx)
	if err := run.versions(ctx); err != nil {
		return err
	}
	return run.uploads(ctx)
}

// expiry is one day's run over a bucket.
type expiry struct {
	s        *Service
	id, name string
	rules    []api.LifecycleRule
	now      time.Time
}

// candidate is a version with what its neighbours say about it.
type candidate struct {
	*objects.Version
	since time.Time // when it stopped being the latest; zero: it is the latest
	newer int       // noncurrent versions of the key that are newer
	alone bool      // the only version of its key
}

// versions walks all versions, newest first within a key.
func (x *expiry) versions(ctx context.Context) error {
	q := objects.Query{Bucket: x.id, Most: maxPage}
	var last *candidate // the latest that was seen, held back until the next tells whether it is alone
	for {
		page, err := x.s.Objects.ListVersions(ctx, q)
		if err != nil {
			return err
		}
		for _, v := range page.Items {
			c := &candidate{Version: v}
			if last != nil && last.Key == v.Key {
				c.since, c.newer = last.Modified, last.newer
				if !last.since.IsZero() {
					c.newer++
				}
				last.alone = false
			}
			if last != nil {
				if err := x.judge(ctx, last); err != nil {
					return err
				}
			}
			c.alone = c.since.IsZero()
			last = c
		}
		if !page.More {
			break
		}
		q.After, q.AfterID = page.Next, page.NextID
	}
	if last == nil {
		return nil
	}
	return x.judge(ctx, last)
}

// judge deletes a version that a rule's time has come for.
func (x *expiry) judge(ctx context.Context, c *candidate) error {
	for i := range x.rules {
		r := &x.rules[i]
		sc := scopeOf(r)
		if value(r.Status) != enabled || !sc.holds(c.Key, c.Size, c.Tags) {
			continue
		}
		switch {
		case c.since.IsZero() && !c.Marker && x.expired(r.Expiration, c.Modified):
			return x.remove(ctx, c, "")
		case c.since.IsZero() && c.Marker && c.alone && r.Expiration != nil && (value(r.Expiration.ExpiredObjectDeleteMarker) || x.expired(r.Expiration, c.Modified)):
			return x.remove(ctx, c, c.ID)
		case !c.since.IsZero() && r.NoncurrentVersionExpiration != nil:
			e := r.NoncurrentVersionExpiration
			if c.newer >= int(value(e.NewerNoncurrentVersions)) && !x.now.Before(due(c.since, *e.NoncurrentDays)) {
				return x.remove(ctx, c, c.ID)
			}
		}
	}
	return nil
}

func (x *expiry) expired(e *api.LifecycleExpiration, made time.Time) bool {
	switch {
	case e == nil:
		return false
	case e.Date != nil:
		return !x.now.Before(*e.Date)
	case e.Days != nil:
		return !x.now.Before(due(made, *e.Days))
	}
	return false
}

// remove deletes what judge found, if it still is what was found.
func (x *expiry) remove(ctx context.Context, c *candidate, version string) error {
	return x.s.DB.Run(ctx, func(ctx context.Context) error {
		b, err := x.bucket(ctx)
		if b == nil || err != nil {
			return err
		}
		if version == "" {
			v, err := x.s.Objects.Head(ctx, b.ID, c.Key, "")
			if err != nil || v.ID != c.ID || v.Seq != c.Seq {
				return nil // it was replaced or deleted meanwhile
			}
		}
		gone, err := x.s.Objects.Delete(ctx, objects.Delete{Bucket: b.ID, Key: c.Key, ID: version, Versioning: b.mode(), Owner: b.Account})
		switch {
		case errors.Is(err, objects.ErrLocked):
			return nil
		case err != nil:
			return err
		case gone.Marker && gone.Version == nil:
			return x.s.notify(ctx, x.call(b), b, "LifecycleExpiration:DeleteMarkerCreated", &objects.Version{Key: c.Key, ID: gone.ID, Marker: true})
		case gone.Version != nil && !gone.Version.Marker:
			return x.s.notify(ctx, x.call(b), b, "LifecycleExpiration:Delete", gone.Version)
		}
		return nil
	})
}

// bucket finds the bucket, nil if it is no longer there.
func (x *expiry) bucket(ctx context.Context) (*Bucket, error) {
	b, err := find(store.From(ctx), x.name)
	if absent(err) || err == nil && b.ID != x.id {
		return nil, nil
	}
	return b, err
}

// call is what notifications say about a call that nobody made.
func (x *expiry) call(b *Bucket) *redoubt.Call {
	c := new(redoubt.Call)
	c.Time, c.Region, c.Account, c.Source.IP, c.Principal.ID = x.now, b.Region, b.Account, "s3.amazonaws.com", "s3.amazonaws.com"
	return c
}

// uploads aborts those that were begun too long ago.
func (x *expiry) uploads(ctx context.Context) error {
	q := objects.Query{Bucket: x.id, Most: maxPage}
	for {
		page, err := x.s.Objects.ListUploads(ctx, q)
		if err != nil {
			return err
		}
		for _, u := range page.Items {
			for i := range x.rules {
				r := &x.rules[i]
				sc := scopeOf(r)
				a := r.AbortIncompleteMultipartUpload
				if a == nil || value(r.Status) != enabled || !sc.holds(u.Key, 0, nil) || x.now.Before(due(u.Initiated, *a.DaysAfterInitiation)) {
					continue
				}
				if err := x.s.DB.Run(ctx, func(ctx context.Context) error { return x.s.Objects.AbortUpload(ctx, x.id, u.Key, u.ID) }); err != nil && !errors.Is(err, objects.ErrNoUpload) {
					return err
				}
				break
			}
		}
		if !page.More {
			return nil
		}
		q.After, q.AfterID = page.Next, page.NextID
	}
}
