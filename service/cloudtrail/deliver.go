package cloudtrail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/store"
)

// How delivery goes. AWS delivers about every five minutes, digests every hour.
const (
	deliverJob   = "cloudtrail.deliver"
	deliverEvery = 5 * time.Minute
	digestEvery  = time.Hour
	// lag is how long events may take from their call to the log.
	lag = time.Minute
	// mostRecords is how many records one file may hold.
	mostRecords = 20000
	// mostFiles brings a digest on before its hour is over.
	mostFiles = 1000
)

// Delivery is how far the delivery of a trail is, kept beside it.
type Delivery struct {
	// Until is up to when events are delivered, in whole seconds, itself excluded.
	Until time.Time
	// Latest is when a file was delivered last; Error is why the last one could not be.
	Latest time.Time
	Error  string
	// The same of digests and of the log group.
	Digested    time.Time
	DigestError string
	Logged      time.Time
	LogsError   string
	// Chains are the digests by Region.
	Chains map[string]*Chain
}

// Chain is a Region's chain of digests.
type Chain struct {
	Files []File    // delivered since the last digest
	End   time.Time // of the last digest
	Last  Digest
}

// File is a log file as digests name it.
type File struct {
	Bucket, Object, Hash string
	Newest, Oldest       time.Time
}

// Digest is the last digest of a chain.
type Digest struct{ Bucket, Object, Hash, Signature string }

var deliveries = store.RegionalTable[Delivery]("cloudtrail.delivery") // by trail name

// jobID names a trail in the timetable.
func (t *Trail) jobID() string { return store.ID(t.Account, t.Home, t.Name) }

// startDelivery begins delivery with the event of the call that asked for it.
func (s *Service) startDelivery(tx *store.Tx, t *Trail, from time.Time) error {
	rows := deliveries.In(t.Account, t.Home)
	d, err := rows.Get(tx, t.Name)
	if errors.Is(err, store.ErrNotFound) {
		d, err = &Delivery{}, nil
	}
	if err != nil {
		return err
	}
	next := *d
	next.Until, next.Chains = from.Truncate(time.Second), nil // a chain does not reach over a pause
	if err := rows.Put(tx, t.Name, &next); err != nil {
		return err
	}
	return s.schedule.At(tx, deliverJob, t.jobID(), s.clock.Now().Add(deliverEvery))
}

// endDelivery forgets a trail that is deleted.
func (s *Service) endDelivery(tx *store.Tx, t *Trail) error {
	if err := s.schedule.Cancel(tx, deliverJob, t.jobID()); err != nil {
		return err
	}
	return deliveries.In(t.Account, t.Home).Delete(tx, t.Name)
}

// deliver is the job of one trail. What it delivers goes out before the state moves
// on: after a crash a file may come twice, as AWS says of its own.
func (s *Service) deliver(ctx context.Context, id string) error {
	parts := store.Parts(id)
	if len(parts) != 3 {
		return nil
	}
	outside := store.Without(ctx)
	var t Trail
	var d Delivery
	err := s.db.Run(outside, func(ctx context.Context) error {
		tx := store.From(ctx)
		p, err := trails.In(parts[0], parts[1]).Get(tx, parts[2])
		if err != nil {
			return err
		}
		q, err := deliveries.In(parts[0], parts[1]).Get(tx, parts[2])
		if err != nil {
			return err
		}
		t, d = *p, *q
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // the trail was deleted
	}
	if err != nil {
		return err
	}
	now := s.clock.Now()
	end := now.Add(-lag).Truncate(time.Second)
	if !t.Logging {
		if stopped := t.Stopped.Truncate(time.Second).Add(time.Second); stopped.Before(end) {
			end = stopped
		}
	}
	if end.After(d.Until) {
		d.Chains = cloneChains(d.Chains)
		s.deliverUpTo(outside, &t, &d, end)
		if err := s.keep(outside, &t, &d); err != nil {
			return err
		}
	}
	if !t.Logging && !d.Until.Before(end) && d.Until.After(t.Stopped) {
		return nil // all is delivered
	}
	return s.schedule.At(store.From(ctx), deliverJob, id, now.Add(deliverEvery))
}

func cloneChains(in map[string]*Chain) map[string]*Chain {
	out := map[string]*Chain{}
	for region, c := range in {
		n := *c
		n.Files = slices.Clone(c.Files)
		out[region] = &n
	}
	return out
}

// keep writes how far a delivery is, unless the trail was deleted, stopped or
// started again meanwhile in a way that made the state anew.
func (s *Service) keep(ctx context.Context, t *Trail, d *Delivery) error {
	return s.db.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		now, err := trails.In(t.Account, t.Home).Get(tx, t.Name)
		if errors.Is(err, store.ErrNotFound) || err == nil && !now.Started.Equal(t.Started) {
			return nil
		}
		if err != nil {
			return err
		}
		return deliveries.In(t.Account, t.Home).Put(tx, t.Name, d)
	})
}

// deliverUpTo delivers what came up to end, Region by Region. The state does not
// move on unless all of it went out.
func (s *Service) deliverUpTo(ctx context.Context, t *Trail, d *Delivery, end time.Time) {
	d.Error = ""
	regions, err := s.regions(ctx, t)
	for _, region := range regions {
		if err == nil {
			err = s.deliverRegion(ctx, t, d, region, d.Until, end)
		}
	}
	if err != nil {
		d.Error = deliveryError(err)
		return
	}
	d.Until = end
	if t.Validation {
		s.digest(ctx, t, d, regions, end)
	} else {
		d.Chains = nil
	}
}

// deliveryError is what GetTrailStatus says of a failure: S3's code.
func deliveryError(err error) string {
	var e *redoubt.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if errors.Is(err, identity.ErrNotTrusted) {
		return "AccessDenied"
	}
	return "InternalError"
}

// regions are those whose events a trail delivers.
func (s *Service) regions(ctx context.Context, t *Trail) ([]string, error) {
	if err := s.log.Flush(ctx); err != nil {
		return nil, err
	}
	if !t.MultiRegion {
		return []string{t.Home}, nil
	}
	list, err := s.log.Regions(t.Account)
	if !slices.Contains(list, t.Home) {
		list = append(list, t.Home)
	}
	slices.Sort(list)
	return list, err
}

// deliverRegion delivers the events of one Region within [from, to), in files of at
// most mostRecords.
func (s *Service) deliverRegion(ctx context.Context, t *Trail, d *Delivery, region string, from, to time.Time) error {
	records, whole, err := s.records(t, region, from, to)
	if err != nil {
		return err
	}
	if !whole {
		half := from.Add(to.Sub(from) / 2).Truncate(time.Second)
		if half.After(from) {
			if err := s.deliverRegion(ctx, t, d, region, from, half); err != nil {
				return err
			}
			return s.deliverRegion(ctx, t, d, region, half, to)
		}
	}
	if len(records) == 0 {
		return nil
	}
	f, err := s.putFile(ctx, t, region, records, to)
	if err != nil {
		return err
	}
	if d.Latest = s.clock.Now(); t.Validation {
		c := d.chain(region)
		c.Files = append(c.Files, f)
	}
	s.toLogs(ctx, t, d, region, records)
	return nil
}

func (d *Delivery) chain(region string) *Chain {
	if d.Chains == nil {
		d.Chains = map[string]*Chain{}
	}
	if d.Chains[region] == nil {
		d.Chains[region] = &Chain{}
	}
	return d.Chains[region]
}

// records answers what the trail selects within [from, to), oldest first. whole is
// false when there is more than a file may hold; of a single second all is answered.
func (s *Service) records(t *Trail, region string, from, to time.Time) (list []*trail.Record, whole bool, err error) {
	single := to.Sub(from) <= time.Second
	for _, data := range []bool{false, true} {
		q := trail.Query{Account: t.Account, Region: region, From: from, To: to.Add(-time.Second), Data: data, Limit: 1000}
		for more := true; more; more = q.Before != nil {
			page, err := s.log.Search(q)
			if err != nil {
				return nil, false, err
			}
			for _, r := range page.Records {
				if t.selects(factsOf(r)) {
					list = append(list, r)
				}
			}
			if len(list) > mostRecords && !single {
				return nil, false, nil
			}
			q.Before = page.Next
		}
	}
	slices.SortStableFunc(list, func(a, b *trail.Record) int {
		return cmp.Or(a.Time.Compare(b.Time), bytes.Compare(a.JSON, b.JSON))
	})
	return list, true, nil
}

// folder is where files of a kind lie: by account, Region and day, as Athena's
// partitions want them.
func (t *Trail) folder(kind, region string, at time.Time) string {
	prefix := ""
	if t.Prefix != "" {
		prefix = t.Prefix + "/"
	}
	return fmt.Sprintf("%sAWSLogs/%s/%s/%s/%s/", prefix, t.Account, kind, region, at.UTC().Format("2006/01/02"))
}
