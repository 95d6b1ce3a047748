package keyring

import (
	"context"
	"slices"
	"time"
)

// Status tells operators and health how the keyring stands. Nothing of it is
// secret.
type Status struct {
	Sealed     bool
	Reason     string    // why it is sealed; empty when not
	Seal       string    // kind of the seal in use
	Generation uint32    // of the root key that new blobs are under; 0 while sealed
	Shares     *Progress // for a seal of shares, while sealed
	// Gaps says what could not be done to protect the root key in memory.
	Gaps []string
	// Trouble is what holds background work (Run) up; empty when nothing does.
	Trouble string
}

// Rotation is the progress of a root key's replacement: everything sealed under
// the old one is sealed anew by its owners, and then the old one is destroyed.
type Rotation struct {
	From, To uint32
	Started  time.Time
	Resealed int64    // records so far
	Waiting  []string // owners that may have something left under the old root key
	// Blocked are tables where the last search found blobs under the old root
	// key although every owner was done: an owner is missing.
	Blocked []string
	// Destroy is when the old root key goes, at the earliest: tokens that were
	// issued under it are still out. Services' clock.
	Destroy time.Time
}

// Rotation answers the root key's replacement under way, or nil.
func (k *Keyring) Rotation(ctx context.Context) (*Rotation, error) {
	rec, err := k.rotation(ctx)
	if rec == nil || err != nil || rec.From == rec.To {
		return nil, err
	}
	r := &Rotation{From: rec.From, To: rec.To, Started: rec.Started, Resealed: rec.Resealed, Blocked: rec.Blocked, Destroy: rec.Destroy}
	if !rec.Clean {
		for name, o := range rec.Owners {
			if !o.Done {
				r.Waiting = append(r.Waiting, name)
			}
		}
		slices.Sort(r.Waiting)
	}
	return r, nil
}

// Status tells how the keyring stands.
func (k *Keyring) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := Status{Seal: k.seal.Kind()}
	if k.trouble != nil {
		s.Trouble = k.trouble.Error()
	}
	r := k.roots.Load()
	if r == nil {
		s.Sealed = true
		if k.reason != nil {
			s.Reason = k.reason.Error()
		}
		if g, ok := k.seal.(Gatherer); ok {
			s.Shares = new(g.Progress())
		}
		return s
	}
	s.Generation = r.current
	s.Gaps = r.keys[r.current].Gaps()
	return s
}
