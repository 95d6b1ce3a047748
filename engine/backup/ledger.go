package backup

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

// A ledger file is lines of JSON: a head, entries, and marks that say up to when
// it is complete.
type ledgerLine struct {
	// The head.
	Format       int       `json:"redoubtLedger,omitempty"`
	Installation string    `json:"installation,omitempty"`
	From         time.Time `json:"from,omitzero"` // complete from here on; zero: from the beginning
	// Of entries and marks.
	Rev     int64     `json:"rev,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Deleted []byte    `json:"deleted,omitempty"`
	Changed []byte    `json:"changed,omitempty"` // neither: a mark
}

const maxLedgerLine = 64 << 10

// Ledger is what a ledger file says.
type Ledger struct {
	Installation string
	From         time.Time // revocations before this are not in it
	// Revision and Through say up to when it is complete.
	Revision int64
	Through  time.Time
	Entries  int

	deleted, changed map[digest]revoked
	newest           int64
}

type revoked struct {
	rev int64
	at  time.Time
}

func encodeJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("backup: " + err.Error()) // of plain structures
	}
	return b
}

// ExportLedger writes the ledger as it stands and answers the revision up to which
// it is complete.
func ExportLedger(ctx context.Context, db *store.DB, w io.Writer) (int64, error) {
	var id string
	var from time.Time
	err := db.Run(ctx, func(ctx context.Context) (err error) {
		tx := store.From(ctx)
		h, err := horizons.Rows().Get(tx, "from")
		if err == nil {
			from = h.From
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		id, err = installationID(tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("backup: %w", err)
	}
	out := bufio.NewWriter(w)
	line := func(l ledgerLine) error {
		_, err := out.Write(append(encodeJSON(l), '\n'))
		return err
	}
	if err := line(ledgerLine{Format: 1, Installation: id, From: from}); err != nil {
		return 0, err
	}
	// What the walk sees is at least of this moment.
	rev, now := db.Revision(), time.Now().UTC()
	for kv, err := range db.Backend().Scan(store.Prefix(revocations.Rows().Key("")), false) {
		if err != nil {
			return 0, fmt.Errorf("backup: %w", err)
		}
		l, err := entryOf(kv)
		if err != nil {
			return 0, err
		}
		if err := line(l); err != nil {
			return 0, err
		}
	}
	if err := line(ledgerLine{Rev: rev, Time: now}); err != nil {
		return 0, err
	}
	return rev, out.Flush()
}

func entryOf(kv store.KV) (ledgerLine, error) {
	var r revocation
	if err := json.Unmarshal(kv.Value, &r); err != nil || (len(r.Deleted)|len(r.Changed))%16 != 0 {
		return ledgerLine{}, fmt.Errorf("backup: revocation %q is damaged", kv.Key)
	}
	if r.Rev == 0 {
		r.Rev = kv.Rev
	}
	return ledgerLine{Rev: r.Rev, Time: r.Time, Deleted: r.Deleted, Changed: r.Changed}, nil
}

// ReadLedger reads a ledger file. A last line that is cut off, as a crash leaves
// it, is ignored; anything else that is wrong is an error.
func ReadLedger(in io.Reader) (*Ledger, error) {
	l := &Ledger{deleted: map[digest]revoked{}, changed: map[digest]revoked{}}
	r := bufio.NewReaderSize(in, maxLedgerLine)
	for n := 1; ; n++ {
		text, err := r.ReadSlice('\n')
		if err == io.EOF {
			break
		}
		var line ledgerLine
		if err == nil {
			err = json.Unmarshal(text, &line)
		}
		if err != nil || (len(line.Deleted)|len(line.Changed))%16 != 0 || (n == 1) != (line.Format != 0) || line.Rev < 0 {
			return nil, fmt.Errorf("backup: line %d of the ledger is damaged", n)
		}
		if n == 1 {
			if line.Format != 1 {
				return nil, fmt.Errorf("backup: the ledger has format %d, this version reads 1", line.Format)
			}
			l.Installation, l.From = line.Installation, line.From
			continue
		}
		l.add(line)
	}
	if l.Installation == "" {
		return nil, errors.New("backup: this is no ledger")
	}
	if l.Through.IsZero() {
		return nil, errors.New("backup: the ledger is cut off: nothing says up to when it is complete")
	}
	return l, nil
}

func (l *Ledger) add(line ledgerLine) {
	l.newest = max(l.newest, line.Rev)
	if len(line.Deleted)+len(line.Changed) == 0 {
		l.Revision, l.Through = max(l.Revision, line.Rev), line.Time
		return
	}
	l.note(l.deleted, line.Deleted, line)
	l.note(l.changed, line.Changed, line)
}

func (l *Ledger) note(in map[digest]revoked, ds []byte, line ledgerLine) {
	for d := range digests(ds) {
		l.Entries++
		if line.Rev > in[d].rev {
			in[d] = revoked{line.Rev, line.Time}
		}
	}
}

func digests(b []byte) iter.Seq[digest] {
	return func(yield func(digest) bool) {
		for ; len(b) >= 16; b = b[16:] {
			if !yield(digest(b)) {
				return
			}
		}
	}
}

// markEvery is how often Keep says that the ledger is complete although nothing
// was revoked.
const markEvery = 10 * time.Minute

const (
	// keepFor is how long the ledger remembers; older backups can only be restored
	// without one.
	keepFor = 400 * 24 * time.Hour
	// anew is after how many bytes of additions, or how long, the file is written
	// anew: without what newer entries have made superfluous.
	anewBytes = 16 << 20
	anewAfter = 24 * time.Hour
	// together is how many changes are written with one flush.
	together = 256
)

// Keep keeps the ledger in a file, until ctx ends: written anew at the start, at
// the end and now and then, and added to within moments of each revocation.
func Keep(ctx context.Context, db *store.DB, path string, log *slog.Logger) error {
	for ctx.Err() == nil {
		err := Prune(ctx, db, time.Now().Add(-keepFor))
		if err == nil {
			err = keep(ctx, db, path)
		}
		if err != nil && ctx.Err() == nil {
			if !errors.Is(err, store.ErrCompacted) {
				log.Error("the revocation ledger cannot be written", "path", path, "error", err)
			}
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
			}
		}
	}
	// The last revocations may not have been delivered yet. A server that stops in
	// order leaves a ledger that is complete.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var all bytes.Buffer
	_, err := ExportLedger(last, db, &all)
	if err == nil {
		err = replaceFile(path, all.Bytes())
	}
	if err != nil {
		log.Error("the revocation ledger is not complete", "path", path, "error", err)
	}
	return nil
}

func keep(ctx context.Context, db *store.DB, path string) error {
	var all bytes.Buffer
	rev, err := ExportLedger(ctx, db, &all)
	if err != nil {
		return err
	}
	if err := replaceFile(path, all.Bytes()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	changes := make(chan store.Change, together)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer close(changes)
		for c, err := range db.Backend().Watch(ctx, revocations.Rows().Key(""), rev) {
			if err != nil {
				ended <- err
				return
			}
			select {
			case changes <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() {
		cancel()
		for range changes { // until the watch has ended
		}
	}()
	mark := time.NewTicker(markEvery)
	defer mark.Stop()
	marked, added, begun := rev, 0, time.Now()
	for added < anewBytes && time.Since(begun) < anewAfter {
		var lines []byte
		select {
		case c, ok := <-changes:
			if !ok {
				select {
				case err := <-ended:
					return err
				default:
					return ctx.Err()
				}
			}
			var err error
			if lines, err = additions(c, changes); err != nil {
				return err
			}
			if len(lines) == 0 {
				continue
			}
		case <-mark.C:
			// The watch may still hold something back: what was complete at the
			// mark before is certainly delivered by now.
			m := ledgerLine{Rev: marked, Time: time.Now().UTC()}
			if now := db.Revision(); now != marked {
				marked, m.Time = now, m.Time.Add(-markEvery)
			}
			lines = append(encodeJSON(m), '\n')
		}
		if _, err := f.Write(lines); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		added += len(lines)
	}
	return nil
}

// additions answers the lines for a change and for those that came with it while
// the file was written: they share one flush and one mark.
func additions(c store.Change, more <-chan store.Change) ([]byte, error) {
	var lines []byte
	var mark ledgerLine
	for n, ok := 1, true; ok; n++ {
		if !c.Deleted { // else it was pruned
			l, err := entryOf(c.KV)
			if err != nil {
				return nil, err
			}
			lines = append(append(lines, encodeJSON(l)...), '\n')
			// Everything up to the commit before this one has been delivered.
			mark = ledgerLine{Rev: c.Rev - 1, Time: l.Time}
		}
		if n == together {
			break
		}
		select {
		case c, ok = <-more: // at the end of the watch the caller finds it closed
		default:
			ok = false
		}
	}
	if lines == nil {
		return nil, nil
	}
	return append(append(lines, encodeJSON(mark)...), '\n'), nil
}

// replaceFile writes a file that only its owner reads, in one step.
func replaceFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
