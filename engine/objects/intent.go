package objects

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// intent says that a process is writing a blob, or is about to. Its id is process
// and segment. Intents are recorded in batches, before any of their blobs is
// begun, so that a large upload costs one transaction and not two.
type intent struct{}

// beat is a process's sign of life: a number that grows. Others judge by whether
// it moves while they look, not by clocks.
type beat struct{ N int64 }

// batch is how many intents are recorded at once.
const batch = 32

// reserve holds the names of blobs whose intents are recorded and that were not
// begun yet.
type reserve struct {
	mu     sync.Mutex
	names  []string
	active int       // writers that have taken a name
	used   time.Time // when a name was last taken
}

// take answers a name whose intent is durable.
func (s *Store) take(ctx context.Context) (string, error) {
	r := &s.names
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.names) == 0 {
		if err := s.bind(ctx, true); err != nil {
			return "", err
		}
		// Names that are taken together begin alike, so that whoever writes files at the
		// same time flushes one directory for all of them.
		names, first := make([]string, batch), blob.NewName()[:2]
		for i := range names {
			names[i] = first + blob.NewName()[2:]
		}
		err := s.run(ctx, func(tx *store.Tx) error {
			for _, n := range names {
				if err := intents.Put(tx, store.ID(s.process, n), &intent{}); err != nil {
					return err
				}
			}
			// Another process that has given this one up removes its sign of life; from
			// then on there must be none of its intents without one.
			has, err := writers.Has(tx, s.process)
			if err != nil || has {
				return err
			}
			return writers.Put(tx, s.process, &beat{})
		})
		if err != nil {
			return "", err
		}
		r.names = names
	}
	n := r.names[len(r.names)-1]
	r.names = r.names[:len(r.names)-1]
	r.active++
	r.used = time.Now()
	return n, nil
}

// fulfil turns an intent into a reference: the caller writes the latter in the
// same transaction.
func (s *Store) fulfil(tx *store.Tx, segment string) error {
	id := store.ID(s.process, segment)
	has, err := intents.Has(tx, id)
	if err != nil {
		return err
	}
	if !has {
		// This process was given up as dead, and with it the names that wait.
		s.names.mu.Lock()
		s.names.names = nil
		s.names.mu.Unlock()
		return ErrLost
	}
	return intents.Delete(tx, id)
}

// drop turns an intent that will not be fulfilled into garbage.
func (s *Store) drop(w *Writer) error {
	return s.run(w.ctx, func(tx *store.Tx) error {
		err := s.fulfil(tx, w.data.Segment.ID)
		if errors.Is(err, ErrLost) {
			// A transaction has fulfilled it though its answer was lost; or it was given up,
			// and the blob may have appeared only after the collector had removed it.
			referenced, err := w.referenced(tx)
			if err != nil || referenced {
				return err
			}
		} else if err != nil {
			return err
		}
		return s.discard(tx, waste{Segments: []Segment{w.data.Segment}})
	})
}

// referenced reports whether a record refers to what was written, or may.
func (w *Writer) referenced(tx *store.Tx) (bool, error) {
	if w.upload == nil {
		for row, err := range versions.Scan(tx, store.Query{Prefix: store.ID(w.bucket, w.key) + "\x00"}) {
			if err != nil || row.Value.Data.ID == w.data.ID {
				return true, err
			}
		}
		return false, nil
	}
	_, err := getUpload(tx, w.bucket, w.key, w.upload.ID)
	if errors.Is(err, ErrNoUpload) {
		return true, nil // it may have been completed
	}
	if err != nil {
		return true, err
	}
	p, err := parts.Get(tx, partRow(w.upload.ID, w.number))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err != nil || p.Segment.ID == w.data.Segment.ID, err
}

// release ends a writer's use of a name.
func (s *Store) release() {
	s.names.mu.Lock()
	defer s.names.mu.Unlock()
	s.names.active--
}

// forget gives the unused names back and takes this process off the list of those
// that write, if it does not write now. idle is how long it must not have.
func (s *Store) forget(ctx context.Context, idle time.Duration) error {
	r := &s.names
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used.IsZero() || r.active > 0 || time.Since(r.used) < idle {
		return nil
	}
	err := s.run(ctx, func(tx *store.Tx) error {
		for _, n := range r.names {
			if err := intents.Delete(tx, store.ID(s.process, n)); err != nil {
				return err
			}
		}
		return writers.Delete(tx, s.process)
	})
	if err == nil {
		r.names, r.used = nil, time.Time{}
	}
	return err
}

// live gives a sign of life while this process writes.
func (s *Store) live(ctx context.Context) error {
	if err := s.forget(ctx, 4*s.pulse); err != nil {
		return err
	}
	s.names.mu.Lock()
	writing := !s.names.used.IsZero()
	s.names.mu.Unlock()
	if !writing || s.Alone {
		return nil
	}
	return s.run(ctx, func(tx *store.Tx) error {
		b, err := writers.Get(tx, s.process)
		if errors.Is(err, store.ErrNotFound) {
			return nil // given up: what is being written is lost, and will hear of it
		}
		if err != nil {
			return err
		}
		return writers.Put(tx, s.process, &beat{b.N + 1})
	})
}
