package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// Errors of a restore.
var (
	ErrNotEmpty   = errors.New("backup: the store is not empty; restore into a new one")
	ErrNoLedger   = errors.New("backup: without a ledger nobody knows what was revoked since the backup was made; give one, or say that you restore without")
	ErrOldLedger  = errors.New("backup: the ledger is older than the backup; it cannot know what was revoked since")
	ErrIncomplete = errors.New("backup: a restore into this store was not finished; remove it and restore again")
)

// gap is how far a restored store's revisions begin above all that the original
// may have given out: after the backup and the ledger, which it may have outlived.
const gap = 1 << 32

// Plan says how to restore.
type Plan struct {
	Classes []Class
	// Ledger says what was revoked; nil only with WithoutLedger.
	Ledger        *Ledger
	WithoutLedger bool
	// Withhold names kinds of which nothing is to come back ("access key").
	Withhold []string
	// Changed lets versions come back that were changed since (Class.Changes); what
	// was deleted stays deleted.
	Changed bool
}

// Item is a record in a report.
type Item struct {
	Kind string
	Key  string // of the store: table, tenant and id
}

// String is one line for an operator.
func (i Item) String() string {
	_, id, _ := strings.Cut(i.Key, "/")
	return i.Kind + " " + strings.ReplaceAll(id, "\x00", " ")
}

// Report says what a restore did.
type Report struct {
	Summary
	Restored int64
	// Withheld are the listed records that did not come back, WithheldOthers is the
	// number of those that hang on them.
	Withheld       []Item
	WithheldOthers int
	// Older are the listed records of tables with Class.Review that came back as
	// they were before a later change.
	Older []Item
	// Returned are the listed records that came back without a ledger that says
	// they are still good; nil with one.
	Returned []Item
	// KnownThrough is up to when the ledger knows of revocations; zero without one.
	KnownThrough time.Time
}

// marker stands in a store while a restore fills it.
type marker struct{ Started time.Time }

var markers = store.GlobalTable[marker]("backup.restoring")

// Usable answers ErrIncomplete for a store that a restore left unfinished: no
// server may start on it.
func Usable(db *store.DB) error { return incomplete(db.Backend()) }

func incomplete(b store.Backend) error {
	_, ok, err := b.Get(markers.Rows().Key("now"))
	if err == nil && ok {
		err = ErrIncomplete
	}
	return err
}

// Restore fills an empty store from a backup. Until it has seen the authentic end
// of the stream the store is marked as unusable; after an error it stays so.
func Restore(ctx context.Context, r io.Reader, id *Identity, b store.Backend, p Plan) (*Report, error) {
	if p.Ledger == nil && !p.WithoutLedger {
		return nil, ErrNoLedger
	}
	if err := empty(b); err != nil {
		return nil, err
	}
	in := &restorer{Plan: p, ctx: ctx, b: b, classes: map[string]Class{}}
	for _, c := range p.Classes {
		in.classes[c.Table] = c
	}
	if err := in.put(store.Write{Key: markers.Rows().Key("now"), Value: encodeJSON(marker{time.Now().UTC()})}); err != nil {
		return nil, err
	}
	if err := in.flush(); err != nil {
		return nil, err
	}
	opener, err := newOpener(r, id)
	if err != nil {
		return nil, err
	}
	rr, err := newRecordReader(opener)
	if err != nil {
		return nil, err
	}
	defer rr.close()
	if err := in.begin(rr.summary); err != nil {
		return nil, err
	}
	for {
		kv, err := rr.next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = in.take(kv)
		}
		if err != nil {
			return nil, err
		}
	}
	in.report.Summary = rr.summary
	return &in.report, in.end()
}

func empty(b store.Backend) error {
	for kv, err := range b.Scan(store.Range{}, false) {
		if err != nil {
			return err
		}
		if kv.Key == markers.Rows().Key("now") {
			return ErrIncomplete
		}
		return ErrNotEmpty
	}
	return nil
}

type restorer struct {
	Plan
	ctx     context.Context
	b       store.Backend
	classes map[string]Class
	report  Report

	writes []store.Write
	bytes  int
}

// begin compares backup and ledger, and lifts the revisions above both.
func (r *restorer) begin(s Summary) error {
	top := s.Revision
	if l := r.Ledger; l != nil {
		switch {
		case l.Installation != s.Installation:
			return fmt.Errorf("backup: the ledger is of another installation (%.30q, the backup of %.30q)", l.Installation, s.Installation)
		case l.Revision < s.Revision:
			return fmt.Errorf("%w (it knows up to %s, the backup is of %s)", ErrOldLedger, l.Through.Format(time.RFC3339), s.Created.Format(time.RFC3339))
		case l.From.After(s.Created):
			return fmt.Errorf("backup: the backup is of %s and the ledger begins at %s; what was revoked in between is forgotten", s.Created.Format(time.RFC3339), l.From.Format(time.RFC3339))
		}
		r.report.KnownThrough = l.Through
		top = max(top, l.newest, l.Revision)
	}
	if a, ok := r.b.(store.Advancer); ok {
		return a.Advance(r.ctx, top+gap)
	}
	return errors.New("backup: this store cannot continue the revisions of another")
}

// take restores a record or withholds it.
func (r *restorer) take(kv store.KV) error {
	table, _, _ := strings.Cut(kv.Key, "/")
	c, guarded := r.classes[table]
	switch {
	case table == "backup.restoring":
		return ErrDamaged // no backup is made of an unfinished restore
	case guarded && r.revoked(c, kv):
		if c.Kind != "" {
			r.report.Withheld = append(r.report.Withheld, Item{c.Kind, kv.Key})
		} else {
			r.report.WithheldOthers++
		}
		return nil
	case guarded && c.Kind != "" && r.Ledger == nil:
		r.report.Returned = append(r.report.Returned, Item{c.Kind, kv.Key})
	case guarded && c.Kind != "" && c.Review && r.Ledger.changed[digestOf(r.Ledger.Installation, kv.Key)].rev > kv.Rev:
		r.report.Older = append(r.report.Older, Item{c.Kind, kv.Key})
	case table == "backup.revocation":
		// Its revision must outlive the new store's own.
		l, err := entryOf(kv)
		if err != nil {
			return err
		}
		kv.Value = encodeJSON(revocation{Time: l.Time, Rev: l.Rev, Deleted: l.Deleted, Changed: l.Changed})
	}
	r.report.Restored++
	return r.put(store.Write{Key: kv.Key, Value: kv.Value})
}

func (r *restorer) revoked(c Class, kv store.KV) bool {
	if c.Kind != "" && contains(r.Withhold, c.Kind) {
		return true
	}
	if r.Ledger == nil {
		return false
	}
	d := digestOf(r.Ledger.Installation, kv.Key)
	return r.Ledger.deleted[d].rev > kv.Rev || c.Changes && !r.Changed && r.Ledger.changed[d].rev > kv.Rev
}

// end writes what the ledger knows beyond the backup into the new store, and
// takes the mark away in the last commit.
func (r *restorer) end() error {
	// Entries may take the place of the backup's own: not in one commit with them.
	if err := r.flush(); err != nil {
		return err
	}
	if l := r.Ledger; l != nil {
		byRev := map[int64]*revocation{}
		at := func(v revoked) *revocation {
			if byRev[v.rev] == nil {
				byRev[v.rev] = &revocation{Time: v.at, Rev: v.rev}
			}
			return byRev[v.rev]
		}
		for d, v := range l.deleted {
			if v.rev > r.report.Revision { // else the backup has it
				at(v).Deleted = append(at(v).Deleted, d[:]...)
			}
		}
		for d, v := range l.changed {
			if v.rev > r.report.Revision {
				at(v).Changed = append(at(v).Changed, d[:]...)
			}
		}
		for _, e := range byRev {
			for _, w := range e.records() {
				if err := r.put(w); err != nil {
					return err
				}
			}
		}
	}
	if err := r.flush(); err != nil {
		return err
	}
	if err := r.put(store.Write{Key: markers.Rows().Key("now")}); err != nil {
		return err
	}
	return r.flush()
}

func (r *restorer) put(w store.Write) error {
	size := len(w.Key) + len(w.Value)
	if len(r.writes) >= store.MaxOps/2 || r.bytes+size > store.MaxTxn/2 && len(r.writes) > 0 {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.writes, r.bytes = append(r.writes, w), r.bytes+size
	return nil
}

func (r *restorer) flush() error {
	if len(r.writes) == 0 {
		return nil
	}
	_, err := r.b.Commit(r.ctx, store.Commit{Writes: r.writes})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	r.writes, r.bytes = nil, 0
	return nil
}
