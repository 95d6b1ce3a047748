package objects

import (
	"context"
	"errors"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// waste is what is no longer referenced, as of the transaction that wrote this
// record. It may be removed at leisure, and again after a crash.
type waste struct {
	Since    int64     // Unix seconds of the machine's clock
	Segments []Segment `json:",omitempty"`
	Data     string    `json:",omitempty"` // whose the segments are: readers may still hold it
	Rows     int       `json:",omitempty"` // of the layout of Data
	Upload   string    `json:",omitempty"` // whose parts' records go, and
	Keep     []byte    `json:",omitempty"` // by number, which parts' segments stay; none: all go
	Bucket   string    `json:",omitempty"` // whose uploads are aborted
}

// discard notes waste.
func (s *Store) discard(tx *store.Tx, w waste) error {
	w.Since = time.Now().Unix()
	id := w.Data
	if id == "" {
		id = blob.NewName()
	}
	tx.AfterCommit(s.kick)
	return garbage.Put(tx, id, &w)
}

// discardData gives a version's data up.
func (s *Store) discardData(tx *store.Tx, v *Version) error {
	d := v.Data
	switch {
	case v.Marker:
		return nil
	case len(d.Starts) > 0:
		return s.discard(tx, waste{Data: d.ID, Rows: len(d.Starts)})
	case d.Segment.Inline:
		return tx.Delete(inlines + d.Segment.ID) // who reads it has it already
	}
	return s.discard(tx, waste{Data: d.ID, Segments: []Segment{d.Segment}})
}

// Run removes garbage until ctx ends.
func (s *Store) Run(ctx context.Context) error {
	defer func() {
		if err := s.forget(ctx, 0); err != nil {
			s.Log.Warn("names of unwritten blobs stay reserved", "error", err)
		}
	}()
	seen := map[string]sign{}
	var swept time.Time
	wait := time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-time.After(wait): // by the machine's time: it is about other processes
		}
		wait = s.pulse
		err := s.live(ctx)
		if err == nil {
			err = s.bury(ctx, seen)
		}
		if err == nil {
			_, err = s.Collect(ctx)
		}
		if err == nil && time.Since(swept) > time.Hour {
			_, err = s.Blobs.Sweep(ctx)
			swept = time.Now()
		}
		if err != nil && ctx.Err() == nil {
			s.Log.Error("garbage of the object store stays for now", "error", err)
		}
		// What was deleted in one go is removed in one go: it need not be at once.
		select {
		case <-time.After(min(s.pulse, 100*time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// sign is a sign of life as this process saw it.
type sign struct {
	n    int64
	when time.Time
}

// bury makes garbage of the intents of processes that are dead.
func (s *Store) bury(ctx context.Context, seen map[string]sign) error {
	var dead []string
	there := map[string]bool{}
	for row, err := range writers.Scan(s.DB.Begin(), store.Query{}) {
		if err != nil {
			return err
		}
		if row.ID == s.process {
			continue
		}
		there[row.ID] = true
		last, ok := seen[row.ID]
		switch {
		case !ok || last.n != row.Value.N:
			seen[row.ID] = sign{row.Value.N, time.Now()}
			if s.Alone {
				dead = append(dead, row.ID)
			}
		case s.Alone || time.Since(last.when) > s.death:
			dead = append(dead, row.ID)
		}
	}
	for id := range seen {
		if !there[id] {
			delete(seen, id)
		}
	}
	for _, process := range dead {
		if err := s.buryOne(ctx, process, seen[process].n); err != nil {
			return err
		}
	}
	return nil
}

// buryOne ends a process: first its sign of life, if that still has not moved, so
// that it cannot record another intent under it unseen; then its intents.
func (s *Store) buryOne(ctx context.Context, process string, n int64) error {
	for more := true; more; {
		err := s.run(ctx, func(tx *store.Tx) error {
			b, err := writers.Get(tx, process)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err == nil && b.N != n {
				return errAlive
			}
			w := waste{}
			for row, err := range intents.Scan(tx, store.Query{Prefix: process + "\x00"}) {
				if err != nil {
					return err
				}
				if len(w.Segments) == 200 {
					break
				}
				w.Segments = append(w.Segments, Segment{ID: store.Parts(row.ID)[1]})
				if err := intents.Delete(tx, row.ID); err != nil {
					return err
				}
			}
			if more = len(w.Segments) > 0; !more {
				return writers.Delete(tx, process)
			}
			return s.discard(tx, w)
		})
		if errors.Is(err, errAlive) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errAlive = errors.New("objects: the process lives")

// Collect removes what garbage can be removed now, and answers how many pieces
// are left: data that are being read, and, where other processes may read, what is
// younger than a quarter of an hour.
func (s *Store) Collect(ctx context.Context) (left int, err error) {
	if err := s.bind(ctx, false); err != nil {
		return 0, err
	}
	after, again := "", false
	for {
		var ids []string
		var list []*waste
		for row, err := range garbage.Scan(s.DB.Begin(), store.Query{After: after}) {
			if err != nil {
				return left, err
			}
			ids, list = append(ids, row.ID), append(list, row.Value)
			if len(ids) == 100 {
				break
			}
		}
		if len(ids) == 0 {
			if !again {
				return left, nil
			}
			after, again, left = "", false, 0
			continue
		}
		after = ids[len(ids)-1]
		var done []string
		for i, w := range list {
			if w.Data != "" && (s.pinned(w.Data) || time.Since(time.Unix(w.Since, 0)) < s.grace) {
				left++
				continue
			}
			if err := s.destroy(ctx, w); err != nil {
				return left, err
			}
			done = append(done, ids[i])
			again = again || w.Bucket != "" // it left its uploads as garbage, anywhere in the order
		}
		err := s.run(ctx, func(tx *store.Tx) error {
			for _, id := range done {
				if err := garbage.Delete(tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return left, err
		}
	}
}

// destroy removes what w names. The record itself goes afterwards.
func (s *Store) destroy(ctx context.Context, w *waste) error {
	if err := s.destroySegments(ctx, w.Segments); err != nil {
		return err
	}
	for n := range w.Rows {
		row, err := readRow(s.DB.Begin(), &Data{ID: w.Data, Starts: make([]int64, 1+n)}, n, "")
		if errors.Is(err, ErrDamaged) {
			// Removed by an earlier try, or it cannot tell what it named; Verify finds that.
			continue
		}
		if err != nil {
			return err
		}
		segments := make([]Segment, len(row))
		for i, p := range row {
			segments[i] = p.Segment
		}
		if err := s.destroySegments(ctx, segments); err != nil {
			return err
		}
		if err := s.run(ctx, func(tx *store.Tx) error { return tx.Delete(layoutRow(w.Data, n)) }); err != nil {
			return err
		}
	}
	if w.Upload != "" {
		if err := s.destroyUpload(ctx, w); err != nil {
			return err
		}
	}
	if w.Bucket != "" {
		return s.destroyUploads(ctx, w.Bucket)
	}
	return nil
}

func (s *Store) destroySegments(ctx context.Context, list []Segment) error {
	inline := list[:0:0]
	for _, seg := range list {
		if seg.Inline {
			inline = append(inline, seg)
		} else if err := s.Blobs.Remove(ctx, seg.ID); err != nil {
			return err
		}
	}
	if len(inline) == 0 {
		return nil
	}
	return s.run(ctx, func(tx *store.Tx) error {
		for _, seg := range inline {
			if err := tx.Delete(inlines + seg.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// destroyUpload removes the parts of an upload that was completed or aborted. No
// part can be added to it any more.
func (s *Store) destroyUpload(ctx context.Context, w *waste) error {
	for {
		var ids []string
		var gone []Segment
		for row, err := range parts.Scan(s.DB.Begin(), store.Query{Prefix: w.Upload + "\x00"}) {
			if err != nil {
				return err
			}
			ids = append(ids, row.ID)
			if n := row.Value.Number; w.Keep == nil || w.Keep[n/8]&(1<<(n%8)) == 0 {
				gone = append(gone, row.Value.Segment)
			}
			if len(ids) == 200 {
				break
			}
		}
		if len(ids) == 0 {
			return nil
		}
		if err := s.destroySegments(ctx, gone); err != nil {
			return err
		}
		err := s.run(ctx, func(tx *store.Tx) error {
			for _, id := range ids {
				if err := parts.Delete(tx, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// destroyUploads aborts the uploads of a bucket that is gone.
func (s *Store) destroyUploads(ctx context.Context, bucket string) error {
	for {
		n := 0
		err := s.run(ctx, func(tx *store.Tx) error {
			n = 0
			for row, err := range uploads.Scan(tx, store.Query{Prefix: bucket + "\x00"}) {
				if err != nil {
					return err
				}
				p := store.Parts(row.ID)
				if err := s.abort(tx, p[0], p[1], p[2]); err != nil {
					return err
				}
				if n++; n == 100 {
					break
				}
			}
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
